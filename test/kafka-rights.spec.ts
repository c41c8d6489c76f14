import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connectTalaria } from '@talaria/client';
import { readEnvironment } from '@talaria/config';
import { access, type Access, aclsOf, productAccess, type SendMessage, topics } from '@talaria/contracts';
import {
  createKafka,
  createVerifiedProducer,
  type KafkaConfig,
  kafkaSettings,
  RefusedError,
  startConsumer,
} from '@talaria/kafka';
import { listTopics, topicSettings } from '@talaria/operations';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  ResourcePatternTypes,
} from 'kafkajs';
import { type AppProcess } from '../tools/platform/app-process';
import { query } from '../tools/platform/database';
import { type Platform, startPlatform } from '../tools/platform/platform';
import { repositoryRoot } from '../tools/stack/repository';
import { type Stack } from '../tools/stack/stack';
import {
  type Authority,
  eventually,
  makeAuthority,
  required,
  startOwnKafka,
  testDirectories,
  testLogger,
} from './kit';

const name = `test-rights-${randomUUID().slice(0, 8)}`;
const prefix = `${name}.`;
const product = productAccess('shop');
const users: readonly Access[] = [...Object.values(access), product];
const passwords = Object.fromEntries(
  users.map(({ principal }) => [principal, randomUUID().replaceAll('-', '')]),
);
const number = {
  wabaId: '710001',
  phoneNumberId: '720001',
  displayPhoneNumber: '+1 555 010 7777',
  accessToken: 'secret-token-8f3a',
};

let authority: Authority;
let stack: Stack;
let admin: Admin;
let platform: Platform;

type Variables = Record<string, string>;
const broker = () => stack.brokers[0]!;

/** The variables of a user, over TLS and SCRAM-SHA-512; others may take the place of some. */
const variablesOf = (principal: string, others: Variables = {}): Variables => ({
  KAFKA_BROKERS: broker().saslAddress!,
  KAFKA_PREFIX: prefix,
  KAFKA_SSL: 'true',
  KAFKA_SSL_CA: authority.certificate,
  KAFKA_SASL_MECHANISM: 'scram-sha-512',
  KAFKA_SASL_USERNAME: principal,
  KAFKA_SASL_PASSWORD: passwords[principal] ?? '',
  ...others,
});
const configOf = (variables: Variables) => readEnvironment(kafkaSettings, variables);
const configFor = ({ principal }: Access) => configOf(variablesOf(principal));

/** A program of ours with these variables, to its end. */
async function run(script: string, args: readonly string[], env: Variables) {
  const child = spawn(process.execPath, [join(repositoryRoot(), 'dist/apps', script), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

const entriesOf = (user: Access) =>
  aclsOf(user, prefix).flatMap(({ resource, operations }) =>
    operations.map((operation) => ({
      resourceType: resource.type === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
      resourceName: resource.name,
      resourcePatternType:
        resource.pattern === 'literal' ? ResourcePatternTypes.LITERAL : ResourcePatternTypes.PREFIXED,
      principal: `User:${user.principal}`,
      host: '*',
      operation: operationOf(operation),
      permissionType: AclPermissionTypes.ALLOW,
    })),
  );

/** DescribeConfigs is DESCRIBE_CONFIGS to kafkajs. */
function operationOf(operation: string): AclOperationTypes {
  const word = operation.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  return AclOperationTypes[word as keyof typeof AclOperationTypes];
}

const grant = (user: Access) => admin.createAcls({ acl: entriesOf(user) });

/** Takes back what a user may do with this topic. */
const revoke = ({ principal }: Access, topic: string) =>
  admin.deleteAcls({
    filters: [
      {
        resourceType: AclResourceTypes.TOPIC,
        resourceName: prefix + topic,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: `User:${principal}`,
        host: '*',
        operation: AclOperationTypes.ANY,
        permissionType: AclPermissionTypes.ANY,
      },
    ],
  });

beforeAll(async () => {
  authority = makeAuthority('talaria-test-authority');
  const { certificate, key } = authority.issue('broker');
  stack = await startOwnKafka({
    // Clients authenticate again 10 s before the end: every 4 s.
    security: { authority: authority.certificate, certificate, key, passwords, sessionMs: 14_000 },
  });
  admin = createKafka(configOf({ KAFKA_BROKERS: broker().address }), 'test-admin', testLogger).admin();
  await admin.connect();
  for (const user of users) await grant(user);
  const applied = await run('cli/src/main.js', ['topics', 'apply'], variablesOf(access.topics.principal));
  expect(applied).toMatchObject({
    code: 0,
    said: expect.stringContaining(`Created ${prefix}whatsapp.webhooks`),
  });
  platform = await startPlatform({
    name,
    kafkaBrokers: broker().address,
    databaseUrl: required('DATABASE_URL'),
    directories: testDirectories(name),
    env: {
      ingestion: variablesOf(access.ingestion.principal),
      processor: variablesOf(access.processor.principal),
      dispatcher: variablesOf(access.dispatcher.principal),
    },
  });
  await platform.addNumber(number);
}, 180_000);

afterAll(async () => {
  await platform.stop();
  await admin.disconnect();
  await stack.stop();
}, 60_000);

const rows = (sql: string, ...values: unknown[]) =>
  query<Record<string, unknown>>(platform.databaseUrl, sql, values);
const logOf = (app: AppProcess) => readFileSync(app.logFile, 'utf8');
const ready = async (app: AppProcess) => {
  const answer = await fetch(`${app.healthUrl}/ready`);
  return `${answer.status} ${await answer.text()}`;
};

const aCommand = (to = '+15550001111'): SendMessage => ({
  id: `cmd-${randomUUID()}`,
  wabaId: number.wabaId,
  phoneNumberId: number.phoneNumberId,
  to,
  message: { type: 'text', text: { body: 'hi' } },
});

const webhook = (id: string) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: number.wabaId,
      changes: [
        {
          field: 'messages',
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '15550107777', phone_number_id: number.phoneNumberId },
            messages: [
              { timestamp: '1763900000', id, from: '4915177700123', type: 'text', text: { body: 'hello' } },
            ],
          },
        },
      ],
    },
  ],
});

async function produce(config: KafkaConfig, topic: string, value = 'x'): Promise<void> {
  const producer = await createVerifiedProducer({
    config,
    clientId: 'test',
    topics: [topic],
    logger: testLogger,
  });
  try {
    await producer.send({ topic, key: number.wabaId, value }, { timeoutMs: 10_000 });
  } finally {
    await producer.close();
  }
}

/** Reads one record of a topic, in a group of the user's own. */
async function consume(config: KafkaConfig, topic: string, groupId: string): Promise<void> {
  let tell: (error?: Error) => void;
  const told = new Promise<void>(
    (resolve, reject) => (tell = (error) => (error ? reject(error) : resolve())),
  );
  const consumer = await startConsumer({
    config,
    groupId,
    handlers: new Map([[topic, () => (tell(), Promise.resolve(undefined))]]),
    logger: testLogger,
    onFatal: (error) => tell(error),
  });
  try {
    await told;
  } finally {
    await consumer.close();
  }
}

it('works with each program in its own rights', async () => {
  expect(await platform.simulator.deliver(webhook('wamid.in-1'))).toBe(200);
  const { sasl, ssl } = { ssl: { ca: authority.certificate }, sasl: variablesOf(product.principal) };
  const talaria = await connectTalaria({
    brokers: [broker().saslAddress!],
    prefix,
    ssl,
    sasl: {
      mechanism: 'scram-sha-512',
      username: sasl.KAFKA_SASL_USERNAME!,
      password: sasl.KAFKA_SASL_PASSWORD!,
    },
  });
  const fate = await talaria.publishAndAwait(aCommand(), { timeoutMs: 30_000 });
  await talaria.close();
  expect(fate).toMatchObject({ state: 'accepted' });
  await produce(configFor(product), topics.outbound.name, 'no command');
  await eventually(async () => {
    expect(await rows("SELECT 1 FROM messages WHERE wamid = 'wamid.in-1'")).toHaveLength(1);
    expect(await rows('SELECT 1 FROM dead_letters')).toHaveLength(1);
    // Statuses come back through ingestion and processor, and the dispatcher reads the events of these.
    expect(
      await rows("SELECT 1 FROM messages WHERE direction = 'outbound' AND status = 'read'"),
    ).toHaveLength(1);
  }, 30_000);
}, 90_000);

it('refuses each user what is not its own', async () => {
  const { ingestion, processor, dispatcher, operator } = access;
  const refusal = expect.objectContaining({ message: expect.stringContaining('talaria topics acls') });
  const notWritten = expect.objectContaining({
    message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED'),
  });
  await Promise.all([
    expect(consume(configFor(ingestion), topics.webhooks.name, 'any')).rejects.toEqual(refusal),
    expect(consume(configFor(product), topics.webhooks.name, 'shop.any')).rejects.toEqual(refusal),
    expect(consume(configFor(product), topics.events.name, 'talaria.dispatcher')).rejects.toEqual(refusal),
    expect(produce(configFor(processor), topics.outbound.name)).rejects.toEqual(refusal),
    expect(produce(configFor(dispatcher), topics.webhooks.name)).rejects.toEqual(refusal),
    expect(produce(configFor(product), topics.events.name)).rejects.toEqual(notWritten),
    ...[ingestion, processor, dispatcher, operator, product].map(async (user) => {
      const one = createKafka(configFor(user), 'test', testLogger, { retry: { retries: 0 } }).admin();
      await one.connect();
      const topic = `${prefix}${user.principal}`;
      await expect(one.createTopics({ topics: [{ topic, numPartitions: 1 }] })).rejects.toMatchObject({
        errors: [expect.objectContaining({ type: 'TOPIC_AUTHORIZATION_FAILED' })],
      });
      await one.disconnect();
    }),
  ]);
}, 60_000);

it('lets a client in by mTLS, by PLAIN and by OAUTHBEARER', async () => {
  const { principal } = product;
  const own = authority.issue(principal);
  const asked: string[] = [];
  const tokens = createServer((request, response) => {
    asked.push(request.headers.authorization ?? '');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const iat = Math.floor(Date.now() / 1000);
    const claims = { sub: principal, iat, exp: iat + 300 };
    response.end(
      JSON.stringify({ access_token: `${part({ alg: 'none' })}.${part(claims)}.`, expires_in: 300 }),
    );
  }).listen(0, '127.0.0.1');
  await once(tokens, 'listening');
  const { KAFKA_BROKERS, KAFKA_PREFIX, KAFKA_SSL, KAFKA_SSL_CA } = variablesOf(
    principal,
  ) as Required<Variables>;
  const tls = {
    KAFKA_BROKERS: KAFKA_BROKERS!,
    KAFKA_PREFIX: KAFKA_PREFIX!,
    KAFKA_SSL: KAFKA_SSL!,
    KAFKA_SSL_CA: KAFKA_SSL_CA!,
  };
  const ways: Variables[] = [
    { ...tls, KAFKA_BROKERS: broker().mtlsAddress!, KAFKA_SSL_CERT: own.certificate, KAFKA_SSL_KEY: own.key },
    variablesOf(principal, { KAFKA_SASL_MECHANISM: 'plain' }),
    {
      ...tls,
      KAFKA_SASL_MECHANISM: 'oauthbearer',
      KAFKA_SASL_OAUTH_TOKEN_URL: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`,
      KAFKA_SASL_OAUTH_CLIENT_ID: 'shop:client',
      KAFKA_SASL_OAUTH_CLIENT_SECRET: 'its secret',
    },
  ];
  await Promise.all(
    ways.map(async (variables, index) => {
      const config = configOf(variables);
      await produce(config, topics.outbound.name, JSON.stringify(aCommand()));
      await consume(config, topics.dispatches.name, `shop.${index}`);
    }),
  );
  tokens.close();
  // One token for the producer and the consumer, with all their connections.
  expect(asked).toEqual([`Basic ${Buffer.from('shop%3Aclient:its+secret').toString('base64')}`]);
}, 60_000);

it('tells whoever is not let in what to do, and no secret', async () => {
  const common = { DATABASE_URL: platform.databaseUrl, METRICS_PORT: '0', PATH: process.env.PATH ?? '' };
  const { processor, ingestion } = access;
  const wrong = { KAFKA_SASL_PASSWORD: 'not-the-password-4711' };
  const spool = {
    SPOOL_DIR: join(testDirectories(name).spoolDirectory, 'wrong'),
    HTTP_PORT: '0',
    WHATSAPP_APP_SECRET: 's',
    WHATSAPP_VERIFY_TOKEN: 't',
    DATABASE_URL: '',
  };
  const refusalOf = (others: Variables) => {
    const config = configOf(variablesOf(ingestion.principal, others));
    return listTopics({
      config: { ...config, ...readEnvironment(topicSettings, {}) },
      logger: testLogger,
    }).then(
      () => 'not refused',
      (error: unknown) => (error instanceof RefusedError ? error.message : 'no refusal'),
    );
  };
  const noUser = { KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' };
  const said = await Promise.all([
    refusalOf({ KAFKA_SSL_CA: makeAuthority('another-authority').certificate }),
    refusalOf({ KAFKA_BROKERS: broker().mtlsAddress!, ...noUser }),
    refusalOf({ KAFKA_SASL_MECHANISM: 'scram-sha-256' }),
    refusalOf(wrong),
  ]);
  expect(said[0]).toContain('set KAFKA_SSL_CA to');
  expect(said[1]).toContain('set KAFKA_SSL_CERT and KAFKA_SSL_KEY');
  expect(said[2]).toContain('does not take KAFKA_SASL_MECHANISM');
  expect(said[3]).toContain('correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD');
  const ends = [
    await run('processor/src/main.js', [], { ...common, ...variablesOf(processor.principal, wrong) }),
    await run('ingestion/src/main.js', [], {
      ...common,
      ...spool,
      ...variablesOf(ingestion.principal, wrong),
    }),
  ];
  for (const end of ends) expect(end).toMatchObject({ code: 1, said: expect.stringContaining(said[3]) });
  const all = [...said, ...ends.map((end) => end.said)].join('');
  for (const secret of [wrong.KAFKA_SASL_PASSWORD, ...Object.values(passwords)])
    expect(all).not.toContain(secret);
}, 120_000);

it('says so when a right is taken away while it runs, and goes on when it is given back', async () => {
  const { ingestion, dispatcher, processor } = platform.apps;
  await revoke(access.ingestion, topics.webhooks.name);
  await revoke(access.dispatcher, topics.dispatches.name);
  // Kept in the spool, and therefore taken.
  expect(await platform.simulator.deliver(webhook('wamid.in-2'))).toBe(200);
  await produce(configFor(product), topics.outbound.name, JSON.stringify(aCommand('+15550002222')));
  await eventually(async () => {
    expect(logOf(ingestion)).toContain('not written yet: Kafka does not let this user use a topic');
    expect(await ready(dispatcher)).toMatch(/^503 .*talaria topics acls/);
  }, 30_000);
  await grant(access.ingestion);
  await grant(access.dispatcher);
  await eventually(async () => {
    expect(await ready(dispatcher)).toMatch(/^200 /);
    expect(await rows("SELECT 1 FROM messages WHERE wamid = 'wamid.in-2'")).toHaveLength(1);
  }, 60_000);

  await revoke(access.processor, topics.webhooks.name);
  await eventually(() => {
    expect(logOf(processor)).toMatch(/stopping: this process cannot keep its promises/);
    return Promise.resolve();
  }, 60_000);
  expect(logOf(processor)).toContain('talaria topics acls');
  await grant(access.processor);
}, 150_000);
