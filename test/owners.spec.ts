import { type SendMessage, parseCallbackData, topics } from '@talaria/contracts';
import { createKafka, partitionOf } from '@talaria/kafka';
import { type AppProcess } from '../tools/platform/app-process';
import { query } from '../tools/platform/database';
import { type Platform } from '../tools/platform/platform';
import { type Accepted } from '../tools/platform/simulator';
import { freeze } from '../tools/stack/freeze';
import { eventually, kafkaConfigOf, testLogger, testPlatform } from './kit';

const SESSION_TIMEOUT_MS = 6000;
/** Below what Meta allows by more than the machine of a test is late by. */
const RATE = { allowed: 10, percent: 55 };
const WABA_RATE = 10;
const RECIPIENTS = 15;
/** From a claim to its answer, on a busy machine. */
const UNDER_WAY_MS = 4000;

/** Two numbers for each of six WABAs, two of which fall to each of three owners. */
const wabaIds = [0, 1, 2].flatMap((owner) =>
  Array.from({ length: 1000 }, (_, index) => String(910_000 + index))
    .filter((wabaId) => partitionOf(Buffer.from(wabaId), topics.outbound.partitions) % 3 === owner)
    .slice(0, 2),
);
const numbers = wabaIds.flatMap((wabaId) =>
  [1, 2].map((one) => ({
    wabaId,
    phoneNumberId: `${wabaId}0${one}`,
    displayPhoneNumber: `+1${wabaId}0${one}`,
    accessToken: `token-${wabaId}`,
    messagesPerSecond: RATE.allowed,
  })),
);
/** Has a ceiling of its own, below what its numbers may do. */
const slowWaba = wabaIds[0]!;

const settings = {
  KAFKA_SESSION_TIMEOUT: `${SESSION_TIMEOUT_MS}ms`,
  DISPATCH_RATE_PERCENT: String(RATE.percent),
  GRAPH_API_TIMEOUT: '2s',
  UNKNOWN_CHECK_INTERVAL: '1s',
  UNKNOWN_WAIT: '15s',
};

describe('three dispatchers, of which one joins, one leaves, one dies and one is frozen under load', () => {
  let platform: Platform;
  let frozen: AppProcess | undefined;
  const published: SendMessage[] = [];

  beforeAll(async () => {
    platform = await testPlatform('owners', { dispatcher: settings });
    for (const number of numbers) await platform.addNumber(number);
    await query(platform.databaseUrl, 'UPDATE wabas SET messages_per_second = $2 WHERE waba_id = $1', [
      slowWaba,
      WABA_RATE,
    ]);
    await platform.simulator.addFault({ match: {}, times: null, answer: { delayMs: 80 } });
  }, 120_000);

  afterAll(async () => {
    signal(frozen, 'SIGCONT');
    await platform.stop();
  }, 60_000);

  const signal = (app: AppProcess | undefined, name: NodeJS.Signals) => {
    if (app?.pid !== undefined) process.kill(app.pid, name);
  };

  const accepted: Accepted[] = [];
  const refresh = async () => accepted.push(...(await platform.simulator.accepted(accepted.at(-1)?.seq)));

  /** Until each number has sent so many more. */
  async function untilEachSent(more: number): Promise<void> {
    await refresh();
    const before = countByNumber(accepted);
    await eventually(async () => {
      await refresh();
      const now = countByNumber(accepted);
      for (const { phoneNumberId: one } of numbers)
        expect((now.get(one) ?? 0) - (before.get(one) ?? 0)).toBeGreaterThanOrEqual(more);
    }, 60_000);
  }

  it('no limit is exceeded, no order is broken, nothing is lost, and nothing is sent twice', async () => {
    const { simulator, databaseUrl, apps } = platform;
    const load = startLoad(platform, published);

    const [second, third] = await Promise.all(
      ['dispatcher-2', 'dispatcher-3'].map((name) => platform.addAnother('dispatcher', name)),
    );
    await untilEachSent(10);

    const killedAt = Date.now();
    await second!.kill();
    await untilEachSent(10);

    const restarting = second!.start();
    frozen = third!;
    const frozenAt = Date.now();
    freeze(third!.pid!);
    // Others go on with its numbers: so it has lost them, and does not know.
    await Promise.all([restarting, untilEachSent(10)]);
    signal(frozen, 'SIGCONT');
    const wokenAt = Date.now();
    await untilEachSent(5);

    expect(await apps.dispatcher.stop()).toBe('exit code 0');
    await untilEachSent(5);
    await load.stop();

    await eventually(async () => {
      const [row] = await query<{ count: string }>(
        databaseUrl,
        `SELECT count(*) FROM dispatch_commands WHERE state IN ('accepted', 'dead-lettered')`,
      );
      expect(Number(row?.count)).toBe(published.length);
    }, 60_000);

    await refresh();
    const rows = await query<{
      id: string;
      state: string;
      version: number;
      cause: string;
      claimedAt: number;
    }>(
      databaseUrl,
      `SELECT command_id AS id, state, version, outcome ->> 'cause' AS cause,
              extract(epoch FROM claimed_at)::float8 * 1000 AS "claimedAt"
       FROM dispatch_commands`,
    );
    const ids = accepted.map(commandIdOf);
    expect(ids.length).toBe(new Set(ids).size);
    const fates = new Map(rows.map((row) => [row.id, row]));
    const lost = published.filter(({ id }) => !ids.includes(id) && fates.get(id)?.state !== 'dead-lettered');
    expect(lost).toEqual([]);
    // Only what was under way in the one that died, or in the one that was frozen, may have ended so.
    const wasUnderWay = (at: number) =>
      (at > killedAt - UNDER_WAY_MS && at < killedAt + 1000) ||
      (at > frozenAt - UNDER_WAY_MS && at < wokenAt + UNDER_WAY_MS);
    const givenUp = rows.filter(({ state }) => state === 'dead-lettered');
    expect(
      givenUp.filter(({ cause, claimedAt }) => cause !== 'ambiguous' || !wasUnderWay(claimedAt)),
    ).toEqual([]);
    expect(givenUp.length).toBeLessThan(published.length * 0.05);

    const { refused, maxPerSecond } = await simulator.stats();
    expect(refused).not.toHaveProperty('130429');
    expect(refused).not.toHaveProperty('131056');
    for (const { sends } of Object.values(maxPerSecond)) expect(sends).toBeLessThanOrEqual(RATE.allowed);
    const ofSlow = accepted.filter(({ phoneNumberId }) => phoneNumberId.startsWith(slowWaba));
    expect(mostInASecond(ofSlow)).toBeLessThanOrEqual((WABA_RATE * 100) / RATE.percent);

    // What was unknown for a while was overtaken, as it must be.
    const order = new Map(published.map(({ id }, index) => [id, index]));
    const certain = accepted.filter((one) => fates.get(commandIdOf(one))?.version === 1);
    expect(certain.length).toBeGreaterThan(accepted.length * 0.9);
    expect(overtaken(certain, order)).toEqual([]);
  }, 240_000);
});

function countByNumber(accepted: readonly Accepted[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { phoneNumberId } of accepted) counts.set(phoneNumberId, (counts.get(phoneNumberId) ?? 0) + 1);
  return counts;
}

function commandIdOf({ callbackData }: Accepted): string {
  return parseCallbackData(callbackData)?.commandId ?? '';
}

function mostInASecond(accepted: readonly Accepted[]): number {
  let first = 0;
  let most = 0;
  accepted.forEach(({ at }, index) => {
    while (at - accepted[first]!.at >= 1000) first++;
    most = Math.max(most, index - first + 1);
  });
  return most;
}

/** Commands that were accepted behind one that was published after them for the same recipient. */
function overtaken(accepted: readonly Accepted[], order: ReadonlyMap<string, number>): string[] {
  const last = new Map<string, number>();
  return accepted.flatMap((one) => {
    const recipient = `${one.phoneNumberId}/${one.to}`;
    const place = order.get(commandIdOf(one)) ?? -1;
    const isLate = place < (last.get(recipient) ?? -1);
    last.set(recipient, Math.max(place, last.get(recipient) ?? -1));
    return isLate ? [commandIdOf(one)] : [];
  });
}

/** For each number a little less than it may send, and much to begin with: there is always work. */
function startLoad(platform: Platform, published: SendMessage[]): { stop(): Promise<void> } {
  const producer = createKafka(kafkaConfigOf(platform), 'test-product', testLogger).producer();
  let isStopped = false;
  const work = (async () => {
    await producer.connect();
    for (let each = 30; !isStopped; each = 2) {
      const commands = Array.from({ length: each }, (_, index) =>
        numbers.map((number) => aCommand(number, published.length + index)),
      ).flat();
      await producer.send({
        topic: platform.kafkaPrefix + topics.outbound.name,
        acks: -1,
        messages: commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) })),
      });
      published.push(...commands);
      // Nothing is waited for: this is the pace of the load.
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await producer.disconnect();
  })();
  return {
    stop: () => {
      isStopped = true;
      return work;
    },
  };
}

function aCommand({ wabaId, phoneNumberId }: (typeof numbers)[number], index: number): SendMessage {
  return {
    id: `${phoneNumberId}-${index}`,
    wabaId,
    phoneNumberId,
    to: `+4915160${String(10_000 + (index % RECIPIENTS))}`,
    message: { type: 'text', text: { body: `message ${index}` } },
  };
}
