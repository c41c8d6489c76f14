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
const COMMANDS = 240;
const INBOUND = 400;

/**
 * One process is killed with -9 in the middle of traffic both ways and started again. What it was doing at that instant is
 * different in every run; what must hold never is.
 */
describe.each(['ingestion', 'processor', 'dispatcher'] as const)(
  '%s killed in the middle',
  (victim: AppName) => {
    let platform: Platform;

    beforeAll(async () => {
      platform = await testPlatform(`crash-${victim}`, {
        // Statuses bring the truth about calls that were cut off; they may be late while a process is down.
        dispatcher: { UNKNOWN_CHECK_INTERVAL: '1s', UNKNOWN_WAIT: '20s', KAFKA_SESSION_TIMEOUT: '6s' },
        processor: { KAFKA_SESSION_TIMEOUT: '6s' },
      });
      await platform.addNumber(number);
    }, 120_000);

    afterAll(() => platform.stop(), 60_000);

    it('loses nothing and sends nothing twice', async () => {
      const { simulator, databaseUrl } = platform;
      const ids = Array.from({ length: COMMANDS }, (_, index) => `crash-${index}`);
      await publish(
        platform,
        topics.outbound.name,
        ids.map((id, index) => ({ key: number.wabaId, value: JSON.stringify(command(id, index)) })),
      );
      await simulator.startTraffic({
        perSecond: 100,
        count: INBOUND,
        senders: 50,
        phoneNumberIds: [number.phoneNumberId],
      });

      await eventually(async () => {
        const stats = await simulator.stats();
        expect(stats.accepted).toBeGreaterThan(COMMANDS / 4);
        expect(stats.webhooks.acknowledgedItems).toBeGreaterThan(INBOUND / 4);
      }, 60_000);
      await platform.apps[victim].kill();
      await platform.apps[victim].start();

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
      // A call that was cut off before Meta took it is the only one that may end without a message.
      expect(commands.accepted + commands.deadLettered).toBe(COMMANDS);
      if (victim !== 'dispatcher') expect(commands.deadLettered).toBe(0);
    }, 200_000);
  },
);

function command(id: string, index: number) {
  return {
    id,
    wabaId: number.wabaId,
    phoneNumberId: number.phoneNumberId,
    to: `+4915160${String(10_000 + (index % 40))}`,
    message: { type: 'text', text: { body: `message ${index}` } },
  };
}
