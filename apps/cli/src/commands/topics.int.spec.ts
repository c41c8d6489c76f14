import { topics } from '@talaria/contracts';
import { createKafka } from '@talaria/kafka';
import { type ListedTopic, type TopicsDiff } from '@talaria/operations';
import { type Admin } from 'kafkajs';
import { testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { jsonOf, runCli } from '../../testing/run-cli';

const names = Object.values(topics).map(({ name }) => name);
let kafka: TestKafka;
let admin: Admin;
let env: Record<string, string>;

beforeAll(async () => {
  // Three partitions where twelve are declared.
  kafka = await testKafka([topics.webhooks.name]);
  env = { KAFKA_BROKERS: kafka.config.KAFKA_BROKERS.join(','), KAFKA_PREFIX: kafka.config.KAFKA_PREFIX };
  admin = createKafka(kafka.config, 'spec', testLogger).admin();
  await admin.connect();
});
afterAll(async () => {
  await admin.deleteTopics({ topics: names.slice(1).map((name) => kafka.config.KAFKA_PREFIX + name) });
  await admin.disconnect();
  await kafka.close();
});

const textOf = async (...args: string[]) => {
  const { code, out, err } = await runCli(['topics', ...args], { env });
  return { code, out: out.replaceAll(kafka.config.KAFKA_PREFIX, ''), err };
};

it('compares with the partitions and the retention that the installation has decided', async () => {
  const decided = { ...env, KAFKA_PARTITIONS: '3', KAFKA_LOG_RETENTION: '90d' };
  const { missing, differences } = await jsonOf<TopicsDiff>(['topics', 'diff'], { env: decided });
  expect(missing).toHaveLength(names.length - 1);
  expect(differences.map(({ setting, found, declared }) => [setting, found, declared])).toEqual([
    ['retention.ms', '-1', '7776000000'],
    ['max.message.bytes', '1048588', '5242880'],
  ]);
  const listed = await jsonOf<ListedTopic[]>(['topics', 'list'], { env: decided });
  expect(
    Object.fromEntries(listed.map((one) => [one.name, [one.partitions, one.retentionMs]])),
  ).toMatchObject({
    'whatsapp.webhooks': [3, 7_776_000_000],
    'whatsapp.dispatches': [3, 7_776_000_000],
    'whatsapp.events': [3, topics.events.retentionMs],
  });
});

it.each([
  [{ KAFKA_PARTITIONS: '0' }, 'KAFKA_PARTITIONS must be a whole number from 1 to 1000'],
  [{ KAFKA_LOG_RETENTION: '1h' }, 'KAFKA_LOG_RETENTION must be for-ever, or at least a day, like 90d'],
  [{ KAFKA_LOG_RETENTION: 'long' }, 'KAFKA_LOG_RETENTION must be for-ever, or at least a day, like 90d'],
])('refuses %j', async (wrong, fault) => {
  const { code, err } = await runCli(['topics', 'apply'], { env: { ...env, ...wrong } });
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(fault) as unknown });
});

it('tells what is missing and what differs, creates what is missing, and changes nothing else', async () => {
  const [first, ...others] = names;
  const differences = [
    ['partitions', '3', '12'],
    ['max.message.bytes', '1048588', '5242880'],
  ].map(([setting, found, declared]) => ({
    topic: `${kafka.config.KAFKA_PREFIX}${first}`,
    ...{ setting, found, declared },
  }));
  const missing = others.map((name) => kafka.config.KAFKA_PREFIX + name);

  expect(await jsonOf(['topics', 'diff'], { env })).toEqual({ missing, differences });
  const dry = await runCli(['topics', 'apply', '--dry-run'], { env });
  expect(dry).toMatchObject({ code: 1, out: expect.stringContaining(`Would create ${missing[0]}\n`) });
  expect(await admin.listTopics()).not.toContain(missing[0]);

  expect(await jsonOf(['topics', 'apply'], { env })).toEqual({
    dryRun: false,
    created: missing,
    differences,
  });
  expect(await jsonOf(['topics', 'apply'], { env })).toMatchObject({ created: [] });
  expect(await textOf('diff')).toEqual({
    code: 1,
    out: `topic              setting            found    declared
whatsapp.webhooks  partitions         3        12
whatsapp.webhooks  max.message.bytes  1048588  5242880
`.replace(/^topic {14}/, `topic${' '.repeat(14 + kafka.config.KAFKA_PREFIX.length)}`),
    err: '',
  });
  expect(await textOf('apply')).toMatchObject({ code: 1, err: expect.stringContaining('left as it is') });
  const { out } = await textOf('list');
  expect(out).toMatch(/^whatsapp.webhooks +differs +12 +for ever +ingestion +sender phone/m);
  expect(out).toMatch(/^whatsapp.outbound.dlq +as declared +12 +90 days +dispatcher/m);
  expect(await jsonOf<unknown[]>(['topics', 'list'], { env })).toMatchObject(
    names.map((name) => ({ name, topic: kafka.config.KAFKA_PREFIX + name })),
  );
}, 60_000);
