import { type Step } from '../tools/chaos/nemesis/plan';
import { isBroken, toText } from '../tools/chaos/report';
import { runChaos } from '../tools/chaos/run-chaos';
import { type HurtableStack } from '../tools/chaos/surroundings/hurtable-stack';
import { startHurtableStack, testDirectories } from './kit';

/** Longer than a consumer may be silent, than a connection may take, and than a claim of another process is waited for. */
const LONG_MS = 11_000;

const kafkaAway = (kind: 'broker-frozen' | 'broker-killed', at: number): Step[][] =>
  [0, 1, 2].map((broker) => [{ kind, broker, at, ms: LONG_MS }]);

describe('while webhooks and commands flow', () => {
  let stack: HurtableStack;

  beforeAll(async () => {
    stack = await startHurtableStack();
  }, 120_000);

  afterAll(() => stack.stop(), 60_000);

  it('all of Kafka goes, then comes and goes with Postgres: nothing is lost, doubled or reordered, and nothing is in doubt', async () => {
    const said: string[] = [];
    const report = await runChaos({
      course: { seed: 5, seconds: 42 },
      // Each in a track of its own, so that none waits for another.
      tracks: [
        ...kafkaAway('broker-frozen', 3000),
        // Owners know that they are none when Postgres goes as well: decision 0007 tells what happens otherwise.
        ...kafkaAway('broker-killed', 18_000),
        [{ kind: 'postgres-stopped', at: 24_000, ms: LONG_MS }],
      ],
      // Before the test is over: what still moves is to be told.
      ...{ stack, directories: testDirectories('dispatch-outages'), settleWithinMs: 300_000 },
      say: (line) => said.push(line),
    });
    expect(said.filter((line) => /: (postgres|broker)-/.test(line))).toHaveLength(7);
    // No call was cut off and no process ended: whatever is given up as ambiguous or exhausted would be undeserved.
    expect(isBroken(report) ? { said, text: toText(report) } : 'every promise was kept').toBe(
      'every promise was kept',
    );
    expect(Object.keys(report.deadLetters).sort()).toEqual(['conflict', 'expired', 'permanent']);
    expect(report.counts.messages).toBeGreaterThan(1000);
  }, 480_000);
});
