import { makePlan } from './plan';

const plan = makePlan({ seed: 7, seconds: 45 });
const steps = plan.tracks.flat();

describe('the plan of a soak', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(makePlan({ seed: 7, seconds: 45 })).toEqual(plan);
    expect(makePlan({ seed: 8, seconds: 45 }).tracks).not.toEqual(plan.tracks);
    expect(makePlan({ seed: 8, seconds: 45 }).publications).not.toEqual(plan.publications);
  });

  it('of a longer run begins as that of a shorter one', () => {
    const longer = makePlan({ seed: 7, seconds: 90 });
    for (const [index, track] of plan.tracks.entries())
      expect(longer.tracks[index]!.slice(0, track.length)).toEqual(track);
  });

  it.each([1, 2, 3, 7, 11])('holds every kind of misfortune, also in a short run: seed %d', (seed) => {
    const kinds = makePlan({ seed, seconds: 60 })
      .tracks.flat()
      .map(({ kind }) => kind);
    expect([...new Set(kinds)].sort()).toEqual([
      'dispatcher-frozen',
      'dispatcher-killed',
      'kafka-frozen',
      'kafka-killed',
      'ledger-locked',
      'mishap',
      'postgres-away',
      'processor-killed',
      'processor-stopped',
      'token-revoked',
      'weather',
    ]);
  });

  it('lets all misfortune end before the calm', () => {
    for (const { at, ms } of steps) expect(at + ms).toBeLessThanOrEqual(plan.calmAt);
  });

  it('publishes some commands twice, some in other partitions, some that expire, some that may be sent twice, and some in conflict', () => {
    const byId = new Map<string, (typeof plan.publications)[number][]>();
    for (const one of plan.publications) byId.set(one.command.id, [...(byId.get(one.command.id) ?? []), one]);
    const several = [...byId.values()].filter((all) => all.length > 1);
    const isConflict = ([first, second]: (typeof several)[number]) =>
      JSON.stringify(first!.command) !== JSON.stringify(second!.command);
    expect(byId.size).toBe(45 * 40);
    expect(several.filter(isConflict).length).toBeGreaterThan(10);
    expect(several.filter((all) => !isConflict(all)).length).toBeGreaterThan(30);
    expect(plan.publications.filter(({ aside }) => aside > 0).length).toBeGreaterThan(30);
    expect(plan.publications.filter(({ expiresAt }) => expiresAt !== undefined).length).toBeGreaterThan(50);
    expect(plan.publications.filter(({ command }) => command.onUnknown === 'resend').length).toBeGreaterThan(
      100,
    );
    expect(
      plan.publications.filter(({ command }) => plan.blocked.includes(command.to ?? '')).length,
    ).toBeGreaterThan(10);
  });
});
