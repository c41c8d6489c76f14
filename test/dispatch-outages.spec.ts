import { kinds } from '../tools/soak/check';
import { makePlan, type Plan, type Step } from '../tools/soak/plan';
import { runSoak } from '../tools/soak/run-soak';
import { type Stack } from '../tools/stack/stack';
import { startOwnKafka, testDirectories } from './kit';

/** Longer than a consumer may be silent, than a connection may take, and than a claim of another process is waited for. */
const LONG_MS = 11_000;

const outage = (kind: 'postgres-away' | 'kafka-frozen' | 'kafka-killed', at: number): Step[] => [
  { kind, at, ms: LONG_MS },
];

describe('while commands flow', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startOwnKafka();
  }, 120_000);

  afterAll(() => stack.stop(), 60_000);

  it('Postgres goes, then Kafka, then both: nothing is lost, doubled or reordered, and nothing is in doubt', async () => {
    const said: string[] = [];
    const plan: Plan = {
      ...makePlan({ seed: 5, seconds: 58 }),
      // Each in a track of its own, so that none waits for another.
      tracks: [
        outage('postgres-away', 3000),
        outage('kafka-frozen', 17_000),
        // Owners know that they are none when Postgres goes as well: decision 0007 tells what happens otherwise.
        outage('kafka-killed', 33_000),
        outage('postgres-away', 39_000),
      ],
      calmAt: 50_000,
    };
    const report = await runSoak({
      ...{ plan, stack, directories: testDirectories('dispatch-outages') },
      say: (line) => said.push(line),
    });
    expect(said.filter((line) => /: (postgres|kafka)-/.test(line))).toHaveLength(4);
    // No call was cut off and no process ended: whatever is given up as ambiguous or exhausted would be undeserved.
    const nothing = Object.fromEntries(kinds.map((kind) => [kind, []]));
    expect({ ...report, said }).toMatchObject({ findings: nothing, ended: [] });
    expect(Object.keys(report.deadLettered).sort()).toEqual(['conflict', 'expired', 'permanent']);
    expect(report.accepted).toBeGreaterThan(1800);
  }, 300_000);
});
