export type KafkaNode = {
  readonly nodeId: number;
  /** What clients connect to. */
  readonly port: number;
  /** What the nodes agree on metadata through. */
  readonly controllerPort: number;
};

/** The server.properties of one node of a cluster; `logDirs` is relative to the folder that Kafka is started in. */
export function kafkaProperties(node: KafkaNode, cluster: readonly KafkaNode[], logDirs: string): string {
  const replicas = cluster.length;
  const voters = cluster.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`);
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': node.nodeId,
    'controller.quorum.voters': voters.join(','),
    listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logDirs,
    'auto.create.topics.enable': false,
    'num.partitions': 12,
    'group.initial.rebalance.delay.ms': 0,
    ...replication(replicas),
    ...smallOnDisk,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function replication(replicas: number) {
  const inSync = Math.max(1, replicas - 1);
  return {
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    // A killed broker's partitions get new leaders after 3 s, not 9; no sooner may its next run take its place.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
  };
}

/** Tests make hundreds of topics of 12 partitions: what Kafka sets aside for each must be little. */
const smallOnDisk = {
  // Each partition has two index files of this size from the start; a segment of 64 MiB fills a quarter of it.
  'log.index.size.max.bytes': 1024 * 1024,
  'log.segment.bytes': 64 * 1024 * 1024,
  'log.segment.delete.delay.ms': 1000,
  'log.cleaner.enable': true,
  // 128 MiB by default, taken from a heap of 400.
  'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
};
