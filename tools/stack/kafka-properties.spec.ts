import { kafkaProperties, type KafkaNode } from './kafka-properties';

const nodes = (count: number): KafkaNode[] =>
  Array.from({ length: count }, (_, i) => ({ nodeId: i + 1, port: 20_001 + i, controllerPort: 30_001 + i }));

describe('the properties of a node', () => {
  it('listen on this machine only', () => {
    const [node] = nodes(1);
    const lines = kafkaProperties(node!, nodes(1), 'data').split('\n');
    expect(lines).toContain('listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:30001');
    expect(lines).toContain('advertised.listeners=PLAINTEXT://127.0.0.1:20001');
  });

  it('name every controller of the cluster, and keep a majority in sync', () => {
    const cluster = nodes(3);
    const lines = kafkaProperties(cluster[1]!, cluster, 'data').split('\n');
    expect(lines).toContain('node.id=2');
    expect(lines).toContain('controller.quorum.voters=1@127.0.0.1:30001,2@127.0.0.1:30002,3@127.0.0.1:30003');
    expect(lines).toContain('default.replication.factor=3');
    expect(lines).toContain('min.insync.replicas=2');
  });
});
