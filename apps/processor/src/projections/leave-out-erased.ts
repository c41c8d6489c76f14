import {
  anyErasures,
  findErasedIds,
  findErasures,
  identityHash,
  type KnownIdentity,
  messageHash,
  type Sql,
} from '@talaria/database';
import { type Told } from '../dispatches/record-dispatches';
import { phone, userIdOf } from '../webhooks/read-json';
import { noRows, type Rows } from '../webhooks/rows';

/** Who was erased until when, and what of them. */
type Erased = {
  readonly until: (identity: KnownIdentity) => Date | undefined;
  readonly has: (hash: Buffer) => boolean;
};

/**
 * Leaves out what is about a person who was erased: all that was told of them until then, and whatever is told later of what was erased, as a
 * late status. So a rebuild does not bring them back, nor does Meta by telling something again. What they do afterwards is kept.
 */
export async function leaveOutErased(sql: Sql, records: readonly Rows[]): Promise<readonly Rows[]> {
  if (!(await anyErasures(sql))) return records;
  const identities = records.flatMap(({ sightings }) => sightings.flatMap(knownIn));
  const erased = await findErased(sql, identities, records.flatMap(hashesOf));
  return records.map((rows) => withoutErased(rows, erased));
}

/** Of a command to a person who was erased its state stays, and not who and what. */
export async function clearErased(sql: Sql, all: readonly Told[]): Promise<readonly Told[]> {
  if (!(await anyErasures(sql))) return all;
  const wamids = all.flatMap(({ data: { wamid } }) => (wamid === undefined ? [] : [messageHash(wamid)]));
  const erased = await findErased(sql, all.flatMap(recipientsOf), wamids);
  return all.map((told) => {
    const { wamid } = told.data;
    const isErased =
      recipientsOf(told).some((one) => isUntil(erased.until(one), told.at)) ||
      (wamid !== undefined && erased.has(messageHash(wamid)));
    return isErased ? cleared(told) : told;
  });
}

async function findErased(
  sql: Sql,
  identities: readonly KnownIdentity[],
  hashes: readonly Buffer[],
): Promise<Erased> {
  const [times, ids] = [await findErasures(sql, identities), await findErasedIds(sql, hashes)];
  return {
    until: (identity) => times.get(identityHash(identity).toString('hex')),
    has: (hash) => ids.has(hash.toString('hex')),
  };
}

const isUntil = (erasedAt: Date | undefined, at: Date) => erasedAt !== undefined && at <= erasedAt;

const knownIn = ({ wabaId, identities }: Rows['sightings'][number]): KnownIdentity[] =>
  identities.map((identity) => ({ wabaId, identity }));

function hashesOf({ forms, facts, edits, reactions, statuses, changes, unknown }: Rows): Buffer[] {
  const wamids = new Set([forms, facts, edits, reactions, statuses].flat().map(({ wamid }) => wamid));
  return [
    ...[...wamids].map(messageHash),
    ...changes.map(({ changeHash }) => changeHash),
    ...unknown.map(({ itemHash }) => itemHash),
  ];
}

/** The rows of one record, which is about one person. */
function withoutErased(rows: Rows, { until, has }: Erased): Rows {
  const nothing = { ...noRows, displayNumbers: rows.displayNumbers };
  const isOver = rows.sightings.some((one) =>
    knownIn(one).some((identity) => isUntil(until(identity), one.at)),
  );
  if (isOver) return nothing;
  const isKept = ({ wamid }: { readonly wamid: string }) => !has(messageHash(wamid));
  const kept = {
    forms: rows.forms.filter(isKept),
    facts: rows.facts.filter(isKept),
    edits: rows.edits.filter(isKept),
    reactions: rows.reactions.filter(isKept),
    statuses: rows.statuses.filter(isKept),
    changes: rows.changes.filter(({ changeHash }) => !has(changeHash)),
    unknown: rows.unknown.filter(({ itemHash }) => !has(itemHash)),
  };
  const isGone = Object.values(kept).every(({ length }) => length === 0);
  return isGone && rows.states.length === 0 ? nothing : { ...rows, ...kept };
}

function recipientsOf({ data }: Told): KnownIdentity[] {
  const { wabaId, to, recipient, waId } = data;
  return [phone(waId), phone(to), userIdOf(recipient)].flatMap((identity) =>
    identity === null ? [] : [{ wabaId, identity }],
  );
}

function cleared({ data, ...told }: Told): Told {
  const {
    to: _to,
    recipient: _recipient,
    waId: _waId,
    wamid: _wamid,
    message: _message,
    error,
    ...rest
  } = data;
  return { ...told, data: { ...rest, ...(error !== undefined && { error: { ...error, message: '' } }) } };
}
