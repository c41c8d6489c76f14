import { topics } from '@talaria/contracts';
import { createKafka } from '@talaria/kafka';
import { aTextMessage, aWebhook } from '../../apps/processor/testing/records';
import { processorTopics, versionsRig, type VersionsRig } from '../../apps/processor/testing/versions';
import { eventually, testDatabase, testKafka, testLogger } from '../../test/kit';
import { readArguments } from './arguments';
import { runVerb } from './run-verb';

let rig: VersionsRig;
let printed: string[];
let said: string[];

beforeEach(async () => {
  const [kafka, database] = await Promise.all([testKafka(processorTopics), testDatabase()]);
  rig = await versionsRig({ kafka, database, logger: testLogger });
  [printed, said] = [[], []];
});
afterEach(() => rig.close());

async function run(...args: string[]): Promise<number> {
  const asked = readArguments(args);
  if (asked.verb === 'help') throw new Error('help needs nothing');
  return runVerb(asked, {
    dataSource: rig.database.dataSource,
    kafka: rig.kafka.config,
    print: (line) => printed.push(line),
    say: (line) => said.push(line),
  });
}

const json = async <T>(...args: string[]): Promise<T> => {
  await run(...args, '--json');
  return JSON.parse(printed.at(-1) ?? '') as T;
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
  expect(await run('rebuild')).toBe(0);
  expect(said[0]).toBe('Version 2 is being built.');
  expect(printed.at(-1)).toContain('Version 2 has caught up.');
  expect(await json('rebuild', '--detach')).toEqual({ version: 2, isNew: false });
  expect(await run('compare')).toBe(0);
  expect(printed.at(-1)).toMatch(/^Both stood at the same record of every partition \(20 records\)/);
  expect(printed.at(-1)).toMatch(/^messages +20 +20 +the same$/m);
  const sums = await Promise.all(['1', '2'].map((version) => json('checksum', '--version', version)));
  expect(sums).toHaveLength(2);
  expect(await run('promote')).toBe(0);
  expect(printed.at(-1)).toMatch(/^Readers see version 2/);
  expect(await run('rollback')).toBe(0);
  expect(printed.at(-1)).toMatch(/^Readers see version 1/);
  expect(await run('drop', '2')).toBe(0);
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
  expect(printed.at(-1)).toMatch(/^contact_links +0 +1 +differs$/m);
  expect(printed.at(-1)).toMatch(/^contact_links: #\w{12} #\w{12} 1: only in 2$/m);
});
