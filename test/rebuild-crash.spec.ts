import { topics } from '@talaria/contracts';
import { beginRebuild, compareProjections } from '@talaria/database';
import { join } from 'node:path';
import {
  eventIds,
  processorTopics,
  startTraffic,
  versionsRig,
  type VersionsRig,
} from '../apps/processor/testing/versions';
import { type Link, openLink, placeOf, urlBy } from '../tools/chaos/surroundings/link';
import { AppProcess } from '../tools/platform/app-process';
import { freePorts } from '../tools/stack/ports';
import { repositoryRoot } from '../tools/stack/repository';
import { eventually, testDatabase, testDirectories, testKafka, testLogger } from './kit';

let rig: VersionsRig;
let processor: AppProcess;
/** By which it reaches Postgres. */
let link: Link;

beforeAll(async () => {
  // The process indexes the dead letters of both ways, too.
  const needed = [...processorTopics, topics.outboundDlq.name];
  const [kafka, database] = await Promise.all([testKafka(needed), testDatabase()]);
  rig = await versionsRig({ kafka, database, logger: testLogger });
  link = await openLink({ name: 'processor/postgres', port: 0, to: placeOf(database.url) });
  const [httpPort = 0, metricsPort = 0] = await freePorts(2);
  processor = new AppProcess({
    name: 'processor',
    script: join(repositoryRoot(), 'dist/apps/processor/src/main.js'),
    httpPort,
    ...testDirectories(kafka.config.KAFKA_PREFIX.replace(/\.$/, '')),
    env: {
      ...process.env,
      KAFKA_BROKERS: kafka.config.KAFKA_BROKERS.join(','),
      KAFKA_PREFIX: kafka.config.KAFKA_PREFIX,
      KAFKA_SESSION_TIMEOUT: '6s',
      DATABASE_URL: urlBy(link, database.url),
      HTTP_PORT: String(httpPort),
      METRICS_PORT: String(metricsPort),
    },
  });
  await processor.start();
}, 60_000);

afterAll(async () => {
  await processor.kill();
  await link.close();
  await rig.close();
}, 60_000);

const query = <Row>(sql: string) => rig.database.dataSource.query<Row[]>(sql);
/** How many records of the log a version has projected. */
const projected = async (version: number) => {
  const [sum] = await query<{ n: string | null }>(
    `SELECT sum(next_offset) AS n FROM projection_${version}.projection_checkpoints`,
  );
  return Number(sum?.n ?? 0);
};
const publishUnreadable = () =>
  rig.producer.send({ topic: topics.webhooks.name, key: 'key', value: 'no webhook' });

/** Lets each batch of the new version take long enough to be interrupted. */
const slowDown = () =>
  query(`CREATE FUNCTION projection_2.sleep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NULL; END';
         CREATE TRIGGER sleeps AFTER INSERT ON projection_2.message_ids FOR EACH STATEMENT EXECUTE FUNCTION projection_2.sleep()`);

it('a processor killed with -9 in the middle of a rebuild goes on with it, and what is live is told once', async () => {
  const first = startTraffic(rig);
  await eventually(() => expect(first.due.size).toBeGreaterThan(600));
  await first.stop();
  await publishUnreadable();
  const written = await rig.kafka.readAll(topics.webhooks.name);
  await eventually(async () => expect(await projected(1)).toBe(written.length), 20_000);

  await beginRebuild(rig.database.dataSource);
  await slowDown();
  await eventually(async () => expect(await projected(2)).toBeGreaterThan(0), 20_000);
  await processor.kill();
  const reached = await projected(2);
  expect(reached).toBeLessThan(written.length);

  const second = startTraffic(rig, 'later');
  await eventually(() => expect(second.due.size).toBeGreaterThan(100));
  await second.stop();
  const all = await rig.kafka.readAll(topics.webhooks.name);
  await query('DROP TRIGGER sleeps ON projection_2.message_ids');
  expect(await projected(2)).toBe(reached);
  await processor.start();
  await eventually(async () => {
    expect(await projected(2)).toBe(all.length);
    const { level, tables } = await compareProjections(rig.database.dataSource, 1, 2);
    expect([level, tables.filter(({ equal }) => !equal)]).toEqual([true, []]);
  }, 60_000);
  const told = await eventIds(rig);
  expect(told.sort()).toEqual([...first.due, ...second.due].sort());
  expect(await rig.kafka.readAll(topics.webhooksDlq.name)).toHaveLength(1);
}, 120_000);

it('its probes are answered at once while Postgres says nothing: it is not ready, and alive', async () => {
  const probe = async (name: string) => {
    const answer = await fetch(`${processor.healthUrl}/${name}`, { signal: AbortSignal.timeout(5000) });
    return [answer.status, await answer.json()] as const;
  };
  for (const name of ['startup', 'live', 'ready']) expect((await probe(name))[0]).toBe(200);
  link.hurt({ kind: 'half-open', direction: 'both' });
  await eventually(async () =>
    expect(await probe('ready')).toMatchObject([
      503,
      {
        error: { database: { message: expect.stringMatching(/^has not answered for/) } },
        info: { consumers: { status: 'up' } },
      },
    ]),
  );
  const up = { status: 'up' };
  expect(await probe('live')).toMatchObject([200, { details: { consumers: up, deadLetters: up } }]);
  expect((await probe('startup'))[0]).toBe(200);
}, 30_000);
