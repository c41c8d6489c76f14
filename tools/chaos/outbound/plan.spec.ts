import { blocked, planPublications } from './plan';

const publications = planPublications({ seed: 7, seconds: 45 });

describe('what is published', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planPublications({ seed: 7, seconds: 45 })).toEqual(publications);
    expect(planPublications({ seed: 8, seconds: 45 })).not.toEqual(publications);
  });

  it('has some commands twice, some in other partitions, some that expire, some that may be sent twice, some in conflict, and campaigns', () => {
    const byId = new Map<string, (typeof publications)[number][]>();
    for (const one of publications) byId.set(one.command.id, [...(byId.get(one.command.id) ?? []), one]);
    const several = [...byId.values()].filter((all) => all.length > 1);
    const isConflict = ([first, second]: (typeof several)[number]) =>
      JSON.stringify(first!.command) !== JSON.stringify(second!.command);
    expect(byId.size).toBe(45 * 32 + 3 * 4 * 40);
    expect(several.filter(isConflict).length).toBeGreaterThan(10);
    expect(several.filter((all) => !isConflict(all)).length).toBeGreaterThan(30);
    expect(publications.filter(({ aside }) => aside > 0).length).toBeGreaterThan(30);
    expect(publications.filter(({ expiresAt }) => expiresAt !== undefined).length).toBeGreaterThan(50);
    expect(publications.filter(({ command }) => command.onUnknown === 'resend').length).toBeGreaterThan(100);
    expect(publications.filter(({ command }) => blocked.includes(command.to ?? '')).length).toBeGreaterThan(
      10,
    );
  });
});
