import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import { moveLeaders } from '../../tools/chaos/surroundings/leaders';
import { restoreCluster } from '../../tools/chaos/surroundings/restore-cluster';
import { mountSmallDisk, smallDiskProblem } from '../../tools/chaos/surroundings/small-disk';
import { type Stack } from '../../tools/stack/stack';
import { countByStatus, eventually, startOwnKafka } from '../kit';
import { ACK_TIMEOUT_MS, type Outcome, type Scenario, startScenario } from './scenario';

const AWAY_MS = 8000;
/** Within which a webhook is answered that has not to wait for Kafka any more; the machine is busy. */
const SPOOLED_WITHIN_MS = 1_000;
const KiB = 1024;

/** What holds in every scenario. */
function expectKept({ lost, outOfOrder, statuses, unexpectedEnds }: Outcome, allowed = ['200', '503']): void {
  expect({ lost, outOfOrder, unexpectedEnds }).toEqual({ lost: [], outOfOrder: [], unexpectedEnds: [] });
  expect(allowed).toEqual(expect.arrayContaining(Object.keys(statuses)));
}

/** What takes longer, or more of the same, than `test/chaos.spec.ts`, which kills and freezes single brokers and ingestions. */
describe('a webhook that was answered 200 is in Kafka in the end, once or more and in the order of its sender', () => {
  let stack: Stack;
  let scenario: Scenario | undefined;

  const start = async (name: string, env: Readonly<Record<string, string>> = {}) => {
    scenario = await startScenario(stack, name, env);
    await scenario.untilAcknowledged(500);
    return scenario;
  };

  beforeAll(async () => {
    stack = await startOwnKafka({ brokers: 3 });
  }, 120_000);

  afterEach(async () => {
    await restoreCluster(stack);
    await scenario?.close();
    scenario = undefined;
  }, 120_000);

  afterAll(() => stack.stop(), 60_000);

  it('while leaders are moved all the time', async () => {
    const { config, untilAcknowledged, finish } = await start('leaders');
    const leaders = await moveLeaders(config, topics.webhooks.name);
    try {
      await eventually(() => expect(leaders.moves()).toBeGreaterThanOrEqual(48), 180_000);
    } finally {
      await leaders.stop();
    }
    await untilAcknowledged(200);
    process.stderr.write(`leaders: ${leaders.moves()} moves\n`);
    expectKept(await finish());
  }, 300_000);

  describe.each(['frozen', 'killed'] as const)('though all of Kafka is %s', (how) => {
    const takeAway = async () => {
      if (how === 'frozen') for (const broker of stack.brokers) broker.pause();
      else await Promise.all(stack.brokers.map((broker) => broker.kill()));
    };

    it('and every answer is 200 and soon, also when ingestion is killed and starts again meanwhile', async () => {
      const { ingestion, load, spoolBytes, untilAcknowledged, finish } = await start(`kafka-${how}`);
      await takeAway();
      const awayAt = Date.now();
      await sleep(AWAY_MS / 2);
      expect(load.failures()).toBe(0);
      const left = await spoolBytes();
      expect(left).toBeGreaterThan(0);

      await ingestion.kill();
      await ingestion.start();
      // What was on its way to the disk, not acknowledged, counts too before the kill.
      expect(await spoolBytes()).toBeGreaterThan(left / 2);
      await untilAcknowledged(500);
      await sleep(Math.max(0, awayAt + AWAY_MS - Date.now()));

      const during = load.answers.filter(({ at }) => at > awayAt + ACK_TIMEOUT_MS + SPOOLED_WITHIN_MS);
      expect(during.length).toBeGreaterThan(100);
      // A machine that stalls holds some, and so does an ingestion that starts: what waits for Kafka would be all of them.
      const late = during.filter(({ tookMs }) => tookMs >= SPOOLED_WITHIN_MS);
      expect(late.length).toBeLessThan(during.length / 2);
      await restoreCluster(stack);
      await untilAcknowledged(500);
      expectKept(await finish(), ['200']);
    }, 300_000);
  });

  it('though Kafka is away until the spool is full: then the answer is 503, until Kafka is back', async () => {
    const maxBytes = 1024 * KiB;
    const running = await start('spool-full', { SPOOL_MAX_SIZE: '1MiB' });
    for (const broker of stack.brokers) broker.pause();
    await untilAnswered(running, 503);
    const bytes = await running.spoolBytes();
    // It was used, and it stays near its bound; what was under way when it was reached may lie beyond.
    expect(bytes).toBeGreaterThan(maxBytes / 2);
    expect(bytes).toBeLessThan(maxBytes * 2);
    await restoreCluster(stack);
    await untilAnswered(running, 200);
    expectKept(await running.finish());
  }, 300_000);

  const problem = smallDiskProblem();
  const onFullDisk = problem === undefined ? it : it.skip;
  onFullDisk(
    `though the disk of the spool is full, also when ingestion is killed then${problem === undefined ? '' : ` (skipped: ${problem})`}`,
    async () => {
      const disk = mountSmallDisk(2);
      try {
        const running = await start('disk-full', { SPOOL_DIR: join(disk.folder, 'spool') });
        for (const broker of stack.brokers) broker.pause();
        await untilAnswered(running, 503);
        await running.ingestion.kill();
        await restoreCluster(stack);
        await running.ingestion.start();
        await untilAnswered(running, 200);
        expectKept(await running.finish());
      } finally {
        disk.unmount();
      }
    },
    120_000,
  );
});

/** Waits until the latest hundred answers are all of this status. */
async function untilAnswered({ load }: Scenario, status: number): Promise<void> {
  await eventually(() => expect(countByStatus(load.answers.slice(-100))).toEqual({ [status]: 100 }), 60_000);
}
