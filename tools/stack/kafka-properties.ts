export type KafkaNode = {
  readonly nodeId: number;
  /** What clients connect to. */
  readonly port: number;
  /** What the nodes agree on metadata through. */
  readonly controllerPort: number;
  /** For clients with TLS and a user; where the cluster has {@link KafkaSecurity}. */
  readonly saslPort?: number;
  /** For clients with a certificate of their own; likewise. */
  readonly mtlsPort?: number;
};

/**
 * Listeners for whom the broker has to know, beside the plain one, and rights: without any nobody may do anything, but for who comes in by the plain
 * listener, who may everything.
 */
export type KafkaSecurity = {
  /** All in PEM; the authority signs the clients' certificates, too. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  /** Passwords of users, for SCRAM-SHA-512 and PLAIN. OAUTHBEARER takes any unsigned token for its subject. */
  readonly passwords: Readonly<Record<string, string>>;
  /** After it clients must authenticate again. */
  readonly sessionMs: number;
};

/** The server.properties of one node of a cluster; `logDirs` is relative to the folder that Kafka is started in. */
export function kafkaProperties(
  node: KafkaNode,
  cluster: readonly KafkaNode[],
  logDirs: string,
  security?: KafkaSecurity,
): string {
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
    ...(security && secured(node, security)),
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function secured({ port, controllerPort, saslPort, mtlsPort }: KafkaNode, security: KafkaSecurity) {
  const forClients = `PLAINTEXT://127.0.0.1:${port},SASL_SSL://127.0.0.1:${saslPort},SSL://127.0.0.1:${mtlsPort}`;
  const login = (mechanism: string, module: string) => ({
    [`listener.name.sasl_ssl.${mechanism}.sasl.jaas.config`]: `org.apache.kafka.common.security.${module};`,
  });
  const users = Object.entries(security.passwords).map(([user, password]) => `user_${user}="${password}"`);
  return {
    listeners: `${forClients},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': forClients,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': inOneLine(security.certificate),
    'ssl.keystore.key': inOneLine(security.key),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': inOneLine(security.authority),
    'listener.name.ssl.ssl.client.auth': 'required',
    'ssl.principal.mapping.rules': 'RULE:^CN=([^,]+).*$/$1/',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN,OAUTHBEARER',
    ...login('scram-sha-512', 'scram.ScramLoginModule required'),
    ...login('plain', `plain.PlainLoginModule required ${users.join(' ')}`),
    ...login(
      'oauthbearer',
      'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"',
    ),
    'connections.max.reauth.ms': security.sessionMs,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'allow.everyone.if.no.acl.found': false,
  };
}

const inOneLine = (pem: string) => pem.trim().replaceAll('\n', '\\n');

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
