import { topics } from '@talaria/contracts';
import { checkCommands, checkWebhooks } from '../tools/platform/check-platform';
import { query } from '../tools/platform/database';
import { type AppName, type Platform } from '../tools/platform/platform';
import { eventually, publish, testPlatform } from './kit';

const number = {
  wabaId: '810001',
  phoneNumberId: '820001',
  displayPhoneNumber: '+1 555 010 8888',
  accessToken: 'crash-token',
};
const COMMANDS = 600;
const INBOUND = 900;
/** From a claim to its answer, on a busy machine. */
const UNDER_WAY_MS = 6000;

/**
 * Each process is killed with -9 in the middle of traffic both ways and started again. What it was doing at that instant is
 * different in every run; what must hold never is.
 */
describe('ingestion, then the processor, then the dispatcher killed in the middle', () => {
  let platform: Platform;

  beforeAll(async () => {
    platform = await testPlatform('crash', {
      // Statuses bring the truth about calls that were cut off; they may be late while a process is down.
      dispatcher: { UNKNOWN_CHECK_INTERVAL: '1s', UNKNOWN_WAIT: '20s', KAFKA_SESSION_TIMEOUT: '6s' },
      processor: { KAFKA_SESSION_TIMEOUT: '6s' },
    });
    await platform.addNumber(number);
  }, 120_000);

  afterAll(() => platform.stop(), 60_000);

  it('loses nothing and sends nothing twice', async () => {
    const { simulator, databaseUrl, apps } = platform;
    const ids = Array.from({ length: COMMANDS }, (_, index) => `crash-${index}`);
    await publish(
      platform,
      topics.outbound.name,
      ids.map((id, index) => ({ key: number.wabaId, value: JSON.stringify(command(id, index)) })),
    );
    await simulator.startTraffic({
      perSecond: 60,
      count: INBOUND,
      senders: 50,
      phoneNumberIds: [number.phoneNumberId],
    });
    const killedAt = new Map<AppName, number>();
    for (const [index, victim] of (['ingestion', 'processor', 'dispatcher'] as const).entries()) {
      const share = (index + 1) / 5;
      await eventually(async () => {
        const stats = await simulator.stats();
        expect(stats.accepted).toBeGreaterThan(COMMANDS * share);
        expect(stats.webhooks.acknowledgedItems).toBeGreaterThan(INBOUND * share);
      }, 60_000);
      killedAt.set(victim, Date.now());
      await apps[victim].kill();
      await apps[victim].start();
    }

    await eventually(async () => {
      const traffic = await simulator.traffic();
      expect([traffic.acknowledged, (await simulator.stats()).webhooks.waiting]).toEqual([INBOUND, 0]);
      const [ended] = await query<{ count: string }>(
        databaseUrl,
        `SELECT count(*) FROM commands WHERE state IN ('accepted', 'dead-lettered')`,
      );
      expect(Number(ended?.count)).toBe(COMMANDS);
      expect(await checkWebhooks(databaseUrl, await simulator.acknowledged())).toMatchObject({ lost: 0 });
    }, 90_000);

    const accepted = await simulator.accepted();
    const webhooks = await checkWebhooks(databaseUrl, await simulator.acknowledged());
    expect(webhooks).toMatchObject({ lost: 0, duplicated: 0 });
    const commands = await checkCommands(databaseUrl, new Set(ids), accepted);
    expect(commands).toMatchObject({ published: COMMANDS, lost: 0, doubled: 0 });
    expect(commands.accepted + commands.deadLettered).toBe(COMMANDS);
    // A call that was cut off before Meta took it is the only one that may end without a message.
    const givenUp = await query<{ cause: string; claimedAt: number }>(
      databaseUrl,
      `SELECT outcome ->> 'cause' AS cause, extract(epoch FROM claimed_at)::float8 * 1000 AS "claimedAt"
       FROM dispatch_commands WHERE state = 'dead-lettered'`,
    );
    const diedAt = killedAt.get('dispatcher') ?? 0;
    const isCutOff = ({ cause, claimedAt }: (typeof givenUp)[number]) =>
      cause === 'ambiguous' && claimedAt > diedAt - UNDER_WAY_MS && claimedAt < diedAt + 1000;
    expect(givenUp.filter((one) => !isCutOff(one))).toEqual([]);
  }, 200_000);
});

function command(id: string, index: number) {
  return {
    id,
    wabaId: number.wabaId,
    phoneNumberId: number.phoneNumberId,
    to: `+4915160${String(10_000 + (index % 40))}`,
    message: { type: 'text', text: { body: `message ${index}` } },
  };
}
