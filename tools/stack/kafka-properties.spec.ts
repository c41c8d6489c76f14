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

  it('tell each client a port of its own, the brokers among them', () => {
    const clients = [
      { client: 'processor-1', listens: 21_001, advertises: 22_001 },
      { client: 'brokers', listens: 21_002, advertises: 22_002 },
    ];
    const [node] = nodes(1);
    const lines = kafkaProperties({ ...node!, clients }, nodes(1), 'data').split('\n');
    const valueOf = (key: string) => lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
    expect(valueOf('listeners')).toContain(
      ',CLIENT-PROCESSOR-1://127.0.0.1:21001,CLIENT-BROKERS://127.0.0.1:21002,CONTROLLER:',
    );
    expect(valueOf('advertised.listeners')).toBe(
      'PLAINTEXT://127.0.0.1:20001,CLIENT-PROCESSOR-1://127.0.0.1:22001,CLIENT-BROKERS://127.0.0.1:22002',
    );
    expect(valueOf('listener.security.protocol.map')).toContain('CLIENT-PROCESSOR-1:PLAINTEXT');
    expect(valueOf('inter.broker.listener.name')).toBe('CLIENT-BROKERS');
  });

  it.each(['', 'Processor', 'a,b', 'a_b', '-a'])('refuse a client called "%s"', (client) => {
    const clients = [{ client, listens: 1, advertises: 2 }];
    const [node] = nodes(1);
    expect(() => kafkaProperties({ ...node!, clients }, nodes(1), 'data')).toThrow('lower-case letters');
  });
});
