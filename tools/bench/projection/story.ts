import { createDataSource, type Sql, sqlOf } from '@talaria/database';
import { findMessages, type MessageName, readStory } from '@talaria/operations';
import { cpuColumns, readClocks, usedForEach } from '../clocks';
import { percentiles } from '../load/run-load';
import { goal, type Outcome, type Result, round, spread } from '../report';
import { type Database, type Ground } from './ground';
import { describeMessage, fillHistory, fillLedger, type History, historyOf } from './history';

const MESSAGES = 5_000_000;
const ASKED = 300;
const PARKED = 100_000;
const LETTERS = 100_000;
const GOAL_MS = 100;

/** "Where is this message?", asked for some hundred of many: how long the story takes from its name, by each kind of name. */
export async function measureStory(ground: Ground): Promise<Outcome> {
  const history = historyOf(ground.options.messages ?? MESSAGES);
  const database = await ground.openDatabase();
  await fillHistory(ground, database, history);
  await fillLedger(database);
  await fillDispatcher(ground, database);
  const dataSource = await createDataSource({
    DATABASE_URL: database.url,
    DATABASE_POOL_SIZE: 1,
  }).initialize();
  try {
    const results: Result[] = [];
    for (const [name, nameOf] of Object.entries(names(sqlOf(dataSource), history))) {
      ground.signal.throwIfAborted();
      const before = await readClocks(ground, process.pid, database);
      const times = await measure(sqlOf(dataSource), name, nameOf);
      const used = usedForEach(before, await readClocks(ground, process.pid, database), ASKED);
      results.push({ name, ...times, ...cpuColumns([used]) });
    }
    return {
      results: results.map((result) => ({ ...result, messages: history.messages })),
      ratios: [],
      goals: results.map(({ name, p99Ms }) => goal(`${name}, p99 ms`, '<=', GOAL_MS, p99Ms)),
    };
  } finally {
    await dataSource.destroy();
    await database.drop();
  }
}

type NameOf = (time: number) => Promise<MessageName>;

/** Messages all over the history; a fixed choice, so that runs can be compared. */
function names(sql: Sql, history: History): Readonly<Record<string, NameOf>> {
  const place = (time: number, of: number) => Math.floor(of * ((time * 0.618_034 + 0.3) % 1));
  const message = (time: number) => describeMessage(history, place(time, history.messages));
  return {
    'story by command id': (time) =>
      Promise.resolve({ id: describeMessage(history, 3 * place(time, history.messages / 3)).commandId }),
    'story by wamid': (time) => Promise.resolve({ id: message(time).wamid }),
    'story by phone and time': async (time) => {
      const { phone, wamid } = message(time);
      const [row] = await sql<{ at: Date }>('SELECT shown_at AS at FROM messages WHERE wamid = $1', [wamid]);
      return { phone, at: row?.at ?? new Date(), withinMs: 600_000 };
    },
    'story of a parked one': (time) => Promise.resolve({ id: `parked-${place(time, PARKED)}` }),
  };
}

async function measure(
  sql: Sql,
  name: string,
  nameOf: NameOf,
): Promise<Pick<Result, 'rate' | 'p50Ms' | 'p99Ms'>> {
  const times: number[] = [];
  let missing = 0;
  for (let time = 0; time < ASKED; time++) {
    const asked = await nameOf(time);
    const from = performance.now();
    const [found] = await findMessages(sql, asked);
    const story = found && (await readStory(sql, found, { withContent: false, now: Date.now() }));
    times.push(performance.now() - from);
    if (story === undefined) missing++;
  }
  if (missing > 0) throw new Error(`${name}: ${missing} of ${ASKED} were not found`);
  const { p50, p99 } = percentiles(times);
  const rate = spread([1000 / Math.max(p50, 0.001)], 0);
  return { rate, p50Ms: round(p50, 2), p99Ms: round(p99, 2) };
}

/** A long backlog of one number, and many dead letters. */
async function fillDispatcher({ say }: Ground, { client }: Database): Promise<void> {
  await client.query(`SET synchronous_commit = off`);
  await client.query(
    `INSERT INTO dispatch_backlog (partition, phone_number_id, priority, position, waba_id, command_id, recipient, source_topic, source_offset,
                                   source_timestamp, value, headers)
     SELECT 0, '740001000000000', 1, i, '730001000000000', 'parked-' || i, '+1555' || i, 'whatsapp.outbound', i, 0,
            convert_to('{"id":"parked-' || i || '","wabaId":"730001000000000","phoneNumberId":"740001000000000","to":"+15550001111","message":{"type":"text","text":{"body":"Hello"}}}', 'UTF8'), '{}'
     FROM generate_series(0, ${PARKED - 1}) AS i`,
  );
  await client.query(
    `INSERT INTO dead_letters (topic, partition, record_offset, record_timestamp, dead_at, cause, waba_id, command_id, headers)
     SELECT 'whatsapp.outbound.dlq', 0, i, 0, now(), 'permanent', '730001000000000', 'dead-' || i, '{}' FROM generate_series(1, ${LETTERS}) AS i`,
  );
  await client.query('VACUUM ANALYZE');
  say('So are their ledger rows, a backlog, and dead letters.');
}
