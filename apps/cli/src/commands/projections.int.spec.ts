import { topics } from '@talaria/contracts';
import { createKafka } from '@talaria/kafka';
import { aTextMessage, aWebhook } from '../../../processor/testing/records';
import { processorTopics, versionsRig, type VersionsRig } from '../../../processor/testing/versions';
import { eventually, testDatabase, testKafka, testLogger } from '../../../../test/kit';
import { type Ran, runCli } from '../../testing/run-cli';

let rig: VersionsRig;
let env: Record<string, string>;
let last: Ran;

beforeEach(async () => {
  const [kafka, database] = await Promise.all([testKafka(processorTopics), testDatabase()]);
  rig = await versionsRig({ kafka, database, logger: testLogger });
  const { KAFKA_BROKERS, KAFKA_PREFIX } = kafka.config;
  env = { DATABASE_URL: database.url, KAFKA_BROKERS: KAFKA_BROKERS.join(','), KAFKA_PREFIX };
});
afterEach(() => rig.close());

async function run(...args: string[]): Promise<number> {
  last = await runCli(['projections', ...args], { env });
  return last.code;
}

const json = async <T>(...args: string[]): Promise<T> => {
  await run(...args, '-o', 'json');
  return JSON.parse(last.out) as T;
};

it('rebuilds, compares, promotes, goes back and drops, and tells each', async () => {
  rig.start();
  for (let index = 0; index < 20; index++) {
    const { value } = aWebhook({ value: { messages: [aTextMessage({ id: `wamid.${index}` })] } });
    await rig.producer.send({ topic: topics.webhooks.name, key: `key ${index}`, value });
  }
  await eventually(async () =>
    expect(await json('status')).toMatchObject([{ version: 1, state: 'live', records: 20, behindKafka: 0 }]),
  );
  expect(await json('rebuild', '--dry-run')).toEqual({ dryRun: true, isNew: true });
  for (const verb of ['compare', 'promote', 'rollback']) expect([verb, await run(verb)]).toEqual([verb, 1]);
  expect(await run('rebuild')).toBe(0);
  expect(last.err).toMatch(/^Version 2 is being built\.$/m);
  expect(last.out).toContain('Version 2 has caught up.');
  expect(await json('rebuild', '--detach')).toEqual({ version: 2, isNew: false });
  expect(await run('compare')).toBe(0);
  expect(last.out).toMatch(/^Both stood at the same record of every partition \(20 records\)/);
  expect(last.out).toMatch(/^messages +20 +20 +the same$/m);
  const sums = await Promise.all(['1', '2'].map((version) => json('checksum', version)));
  expect(sums).toHaveLength(2);
  expect(await json('promote', '--dry-run')).toEqual({ dryRun: true, from: 1, to: 2 });
  expect(await run('promote')).toBe(0);
  expect(last.out).toMatch(/^Readers see version 2/);
  expect(await json('rollback', '--dry-run')).toEqual({ dryRun: true, from: 2, to: 1 });
  expect(await run('rollback')).toBe(0);
  expect(last.out).toMatch(/^Readers see version 1/);
  expect(await run('drop', '1')).toBe(1);
  expect(last.err).toBe('error: version 1 is the live one: promote another before you drop it\n');
  expect(await json('drop', '2', '--dry-run')).toEqual({ dryRun: true, version: 2, state: 'standby' });
  expect(await run('drop', '2')).toBe(0);
  for (const verb of ['drop', 'promote']) {
    expect(await run(verb, '2')).toBe(3);
    expect(last.err).toMatch(/^error: there is no version 2 of the read model: talaria projections status/);
  }
  expect(await run('status')).toBe(0);
  expect(last.out).toBe(
    `version  shape  state  records  behind live  behind Kafka  a second  time left  skipped
1        1      live   20       0            0             0         -          0
`,
  );
  expect(await json('retain', '--months', '24', '--dry-run')).toMatchObject({
    dryRun: true,
    versions: [{ version: 1, detached: [], dropped: [] }],
  });
  expect(await json('status')).toMatchObject([{ version: 1, state: 'live', behindLive: 0 }]);
  const admin = createKafka(rig.kafka.config, 'spec', testLogger).admin();
  await admin.connect();
  const { groups } = await admin.listGroups();
  await admin.disconnect();
  const ours = groups
    .map(({ groupId }) => groupId)
    .filter((id) => id.startsWith(rig.kafka.config.KAFKA_PREFIX));
  expect(ours).toEqual([`${rig.kafka.config.KAFKA_PREFIX}talaria.processor.1`]);
}, 60_000);

it('answers 1 when rows differ', async () => {
  await run('rebuild', '--detach');
  await rig.database.dataSource.query(
    `INSERT INTO projection_2.contact_links (waba_id, one, other) VALUES ('1', '16505551234', 'US.1')`,
  );
  expect(await run('compare')).toBe(1);
  expect(last.out).toMatch(/^contact_links +0 +1 +differs$/m);
  expect(last.out).toMatch(/^contact_links: #\w{12} #\w{12} 1: only in 2$/m);
});
