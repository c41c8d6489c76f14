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
  /** By which {@link ClientListeners} reach it. */
  readonly clients?: readonly ClientListener[];
};

/** A listener for one client. It tells that client another port than its own, and what listens there stands between the two. */
export type ClientListener = {
  readonly client: string;
  readonly listens: number;
  readonly advertises: number;
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

/** The client that the brokers themselves are to each other, where one of this name has listeners. Controllers have ways of their own. */
export const BROKERS_CLIENT = 'brokers';
const CONTROLLER = 'CONTROLLER';

/** The server.properties of one node of a cluster; `logDirs` is relative to the folder that Kafka is started in. */
export function kafkaProperties(
  node: KafkaNode,
  cluster: readonly KafkaNode[],
  logDirs: string,
  security?: KafkaSecurity,
): string {
  const replicas = cluster.length;
  const listeners = listenersOf(node, security !== undefined);
  const forClients = listeners.filter(({ name }) => name !== CONTROLLER);
  const hasOwn = node.clients?.some(({ client }) => client === BROKERS_CLIENT) === true;
  const voters = cluster.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`);
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': node.nodeId,
    'controller.quorum.voters': voters.join(','),
    listeners: listeners.map(({ name, port }) => `${name}://127.0.0.1:${port}`).join(','),
    'advertised.listeners': forClients
      .map(({ name, advertises }) => `${name}://127.0.0.1:${advertises}`)
      .join(','),
    'listener.security.protocol.map': listeners.map(({ name, protocol }) => `${name}:${protocol}`).join(','),
    'controller.listener.names': CONTROLLER,
    'inter.broker.listener.name': hasOwn ? listenerOf(BROKERS_CLIENT) : 'PLAINTEXT',
    'log.dirs': logDirs,
    'auto.create.topics.enable': false,
    'num.partitions': 12,
    'group.initial.rebalance.delay.ms': 0,
    ...replication(replicas),
    ...smallOnDisk,
    ...(security && secured(security)),
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

type Listener = {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly advertises: number;
};

function listenersOf(node: KafkaNode, isSecured: boolean): Listener[] {
  const { port, controllerPort, saslPort = 0, mtlsPort = 0, clients = [] } = node;
  const plain = (name: string, listens: number, advertises = listens) => ({
    ...{ name, protocol: 'PLAINTEXT', port: listens, advertises },
  });
  return [
    plain('PLAINTEXT', port),
    ...(isSecured
      ? [
          { name: 'SASL_SSL', protocol: 'SASL_SSL', port: saslPort, advertises: saslPort },
          { name: 'SSL', protocol: 'SSL', port: mtlsPort, advertises: mtlsPort },
        ]
      : []),
    ...clients.map(({ client, listens, advertises }) => plain(listenerOf(client), listens, advertises)),
    plain(CONTROLLER, controllerPort),
  ];
}

/** @throws when it is no name that a listener can have */
function listenerOf(client: string): string {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(client)) return `CLIENT-${client.toUpperCase()}`;
  throw new Error(
    `No listener can be named after the client "${client}": lower-case letters, digits and dashes only.`,
  );
}

function secured(security: KafkaSecurity) {
  const login = (mechanism: string, module: string) => ({
    [`listener.name.sasl_ssl.${mechanism}.sasl.jaas.config`]: `org.apache.kafka.common.security.${module};`,
  });
  const users = Object.entries(security.passwords).map(([user, password]) => `user_${user}="${password}"`);
  return {
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
