import { kinds } from '../tools/soak/check';
import { makePlan } from '../tools/soak/plan';
import { runSoak } from '../tools/soak/run-soak';
import { type Stack } from '../tools/stack/stack';
import { startOwnKafka, testDirectories } from './kit';

/** Has every kind of misfortune in its 45 seconds. `npm run soak` takes others, and longer. */
const SEED = 37;

describe('a soak', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startOwnKafka();
  }, 120_000);

  afterAll(() => stack.stop(), 60_000);

  it('of three quarters of a minute loses, doubles, reorders and gives up nothing', async () => {
    const said: string[] = [];
    const report = await runSoak({
      ...{ plan: makePlan({ seed: SEED, seconds: 45 }), stack, directories: testDirectories('soak') },
      say: (line) => said.push(line),
    });
    const nothing = Object.fromEntries(kinds.map((kind) => [kind, []]));
    expect({ ...report, said }).toMatchObject({ findings: nothing, ended: [] });
    expect(report.published).toBe(1800);
    // How much of each there is depends on the machine; that there is any shows that the run was one.
    expect(report.accepted).toBeGreaterThan(900);
    expect(report.deadLettered).toMatchObject({
      conflict: expect.any(Number),
      permanent: expect.any(Number),
    });
    expect(report.retried).toBeGreaterThan(0);
  }, 300_000);
});
