import { CALM_MS, planSteps } from './plan';

const course = { seed: 7, seconds: 60 };
const tracks = planSteps(course);
const steps = tracks.flat();

describe('what goes wrong', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planSteps(course)).toEqual(tracks);
    expect(planSteps({ ...course, seed: 8 })).not.toEqual(tracks);
  });

  it('in a longer run begins as in a shorter one', () => {
    const longer = planSteps({ ...course, seconds: 90 });
    for (const [index, track] of tracks.entries())
      expect(longer[index]!.slice(0, track.length)).toEqual(track);
  });

  it.each([1, 2, 3, 7, 11])('is of every kind in two minutes: seed %d', (seed) => {
    const all = planSteps({ seed, seconds: 120 }).flat();
    expect([...new Set(all.map(({ kind }) => kind))].sort()).toEqual([
      'broker-frozen',
      'broker-killed',
      'brokers-lost',
      'clock-stepped',
      'disk-full',
      'frozen',
      'killed',
      'leaders-moved',
      'ledger-locked',
      'mishap',
      'network',
      'number-paused',
      'postgres-frozen',
      'postgres-killed',
      'postgres-stopped',
      'rate-lowered',
      'rolled',
      'scaled-up',
      'secret-rotated',
      'stopped',
      'token-revoked',
      'weather',
    ]);
    const faults = all.flatMap((step) => (step.kind === 'network' ? step.fault.kind : []));
    expect([...new Set(faults)].sort()).toEqual(['cut', 'half-open', 'latency', 'reset', 'slow']);
  });

  it('is the same on a track, whichever others run', () => {
    expect(planSteps(course, ['servers', 'network'])).toEqual([tracks[3], tracks[4]]);
  });

  it('ends before the calm', () => {
    for (const { at, ms } of steps) expect(at + ms).toBeLessThanOrEqual(course.seconds * 1000 - CALM_MS);
  });
});
