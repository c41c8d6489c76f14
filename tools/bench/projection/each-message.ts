import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import { readClocks } from '../clocks';
import { type Database, type Ground } from './ground';
import { forgetGroups, type Timed, timed } from './projecting';

const WARM_UP_MS = 2000;
const SECONDS = 4;
const POLL_MS = 100;
const BEGUN_WITHIN_MS = 60_000;

/** The consumer as it is commonly written, for some seconds: the whole topic would take it minutes. */
export async function projectEachMessage(ground: Ground, database: Database): Promise<Timed> {
  const { signal, config, topic, options } = ground;
  await forgetGroups(ground);
  const server = await ground.startServer('each-message', 'tools/bench/projection/servers/each-message.js', {
    DATABASE_URL: database.url,
    TOPIC: config.KAFKA_PREFIX + topics.webhooks.name,
    KAFKAJS_NO_PARTITIONER_WARNING: '1',
  });
  const deadline = performance.now() + BEGUN_WITHIN_MS;
  while ((await countRows(database)) === 0) {
    if (performance.now() > deadline) throw new Error(`each-message has not begun; see ${server.logFile}`);
    await sleep(POLL_MS, undefined, { signal });
  }
  await sleep(WARM_UP_MS, undefined, { signal });
  const before = { rows: await countRows(database), clocks: await readClocks(ground, server.pid, database) };
  const from = performance.now();
  await sleep((options.seconds ?? SECONDS) * 1000, undefined, { signal });
  const seconds = (performance.now() - from) / 1000;
  const rows = await countRows(database);
  const clocks = await readClocks(ground, server.pid, database);
  if (rows >= topic.count) throw new Error('each-message was through too early: it needs more --records');
  await server.stop();
  return timed(rows - before.rows, seconds, before.clocks, clocks);
}

/** Each record becomes one of these rows. */
async function countRows({ client }: Database): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT (SELECT count(*) FROM each_statuses) + (SELECT count(*) FROM each_messages WHERE direction = 'inbound') AS count`,
  );
  return Number(rows[0]?.count ?? 0);
}
