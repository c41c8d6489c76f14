import { type Sighting } from '../webhooks/rows';

export type Identity = { readonly wabaId: string; readonly identity: string };
/** Two identities of one person, the smaller first. */
export type Link = { readonly wabaId: string; readonly one: string; readonly other: string };

export function identityKey({ wabaId, identity }: Identity): string {
  return `${wabaId.length}/${wabaId}/${identity}`;
}

/** By bytes, in every database and language the same. */
export function smaller(one: string, other: string): string {
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) <= 0 ? one : other;
}

/** Each pair that was seen together, once: the first identity of a sighting with every other one. */
export function linksOf(sightings: readonly Sighting[]): Link[] {
  const links = new Map<string, Link>();
  for (const { wabaId, identities } of sightings) {
    const [first = '', ...others] = identities;
    for (const identity of others) {
      const one = smaller(first, identity);
      const other = one === first ? identity : first;
      links.set(`${wabaId}/${one}/${other}`, { wabaId, one, other });
    }
  }
  return [...links.values()];
}

/** Every identity seen, once, with the smallest of all that are linked to it here. */
export function groupIdentities(
  sightings: readonly Pick<Sighting, 'wabaId' | 'identities'>[],
): (Identity & { readonly contact: string })[] {
  const parents = new Map<string, Identity>();
  const all = new Map<string, Identity>();
  const root = (identity: Identity): Identity => {
    let found = identity;
    for (;;) {
      const parent = parents.get(identityKey(found));
      if (parent === undefined || parent.identity === found.identity) return found;
      found = parent;
    }
  };
  for (const { wabaId, identities } of sightings) {
    for (const identity of identities) {
      const own = { wabaId, identity };
      all.set(identityKey(own), own);
      if (!parents.has(identityKey(own))) parents.set(identityKey(own), own);
      const [one, other] = [root({ wabaId, identity: identities[0] ?? identity }), root(own)];
      const first = smaller(one.identity, other.identity) === one.identity ? one : other;
      parents.set(identityKey(one), first);
      parents.set(identityKey(other), first);
    }
  }
  return [...all.values()].map((own) => ({ contact: root(own).identity, ...own }));
}
