import { groupBy } from '../group-by';
import { type Span } from '../span';
import { type Accepted, type Evidence, type Fate, type Published } from './evidence';

/** Each names what it found, one line a finding; all are empty when every promise was kept. */
export type Findings = Readonly<Record<(typeof kinds)[number], readonly string[]>>;

/**
 * lost: published, and neither a message nor a dead letter · doubled: more than one message, though its policy does not say that it may be
 * sent twice, or its outcome was known · reordered: behind one that was published later for the same recipient · undecided: without a fate ·
 * exceeded: sent beyond a limit · undeserved: dead-lettered for a cause that it did not have · differing: two of the lists do not tell the same
 */
export const kinds = [
  'lost',
  'doubled',
  'reordered',
  'undecided',
  'exceeded',
  'undeserved',
  'differing',
] as const;

/** A claim is so old at most when its call begins and ends, and Postgres was away meanwhile. */
const CLAIM_LASTS_MS = 15_000;
/**
 * Between an event that tells of a status and the last time that a dispatcher looked for it: its row is committed after the event, and a way to
 * the database that is hurt holds that up for as long as it is.
 */
const LOOKS_WITHIN_MS = 10_000;
const SECOND_MS = 1000;
/** What a process' clock may be behind that of Meta's stand-in. */
const SLACK_MS = 50;
/** Meta's code for more messages of a number than it may send in a second. */
const THROUGHPUT_REACHED = 130429;
/** Those of the database and of Meta's stand-in, which are of one machine, by no more than a busy one needs. */
const CLOCKS_DIFFER_MS = 1000;

/** One command: as it was published first, and all that became of it. */
type Story = {
  readonly first: Published;
  /** Other contents under its id. */
  readonly others: ReadonlySet<string>;
  /** Messages that are not known to have failed. */
  readonly messages: readonly Accepted[];
  readonly fate: Evidence['ledger'][number] | undefined;
};

/** Compares the lists with each other. Pure; knows what the platform promises, and nothing of how it works. */
export function check(evidence: Evidence): Findings {
  const stories = storiesOf(evidence);
  return {
    lost: findLost(evidence, stories),
    doubled: findDoubled(evidence, stories),
    reordered: findReordered(evidence, stories),
    undecided: findUndecided(evidence, stories),
    exceeded: findExceeded(evidence),
    undeserved: findUndeserved(evidence, stories),
    differing: findDiffering(evidence, stories),
  };
}

function storiesOf({ published, accepted, ledger, failed }: Evidence): Map<string, Story> {
  const messages = groupBy(
    accepted.filter(({ wamid }) => !failed.has(wamid)),
    ({ commandId }) => commandId,
  );
  const fates = new Map(ledger.map((row) => [row.id, row]));
  const stories = new Map<string, Story>();
  for (const [id, [first, ...later]] of groupBy(published, (one) => one.id)) {
    if (first === undefined) continue;
    const others = new Set(later.map(({ value }) => value).filter((value) => value !== first.value));
    stories.set(id, { first, others, messages: messages.get(id) ?? [], fate: fates.get(id) });
  }
  return stories;
}

function findLost({ accepted, deadLetters }: Evidence, stories: ReadonlyMap<string, Story>): string[] {
  const taken = new Set(accepted.map(({ commandId }) => commandId));
  const givenUp = new Set(deadLetters.map(({ value }) => value));
  return [...stories.values()].flatMap(({ first, others }) => [
    ...(taken.has(first.id) || givenUp.has(first.value) ? [] : [first.id]),
    ...[...others].filter((value) => !givenUp.has(value)).map(() => `${first.id}: its conflict`),
  ]);
}

function findDoubled({ retried, toldAt }: Evidence, stories: ReadonlyMap<string, Story>): string[] {
  const wasKnown = ({ messages }: Story) =>
    messages.some(({ at }, index) =>
      messages.slice(0, index).some(({ wamid }) => (toldAt.get(wamid) ?? Infinity) < at - LOOKS_WITHIN_MS),
    );
  return [...stories.values()]
    .filter(({ messages }) => messages.length > 1)
    .filter((story) => !(story.first.mayResend && retried.has(story.first.value)) || wasKnown(story))
    .map(({ messages, first }) => `${first.id}: ${messages.length} messages`);
}

/**
 * A call that was late on its way, or was looked at late, arrives with those that were made after it: so what counts is what was made in a
 * second. Of a rate that was lowered only what Meta refuses tells when it was.
 */
function findExceeded({ overLimit, departures, messagesPerSecond }: Evidence): string[] {
  const madeBy = groupBy(departures ?? [], ({ phoneNumberId }) => phoneNumberId);
  const times = (phoneNumberId: string) => (madeBy.get(phoneNumberId) ?? []).map(({ at }) => at);
  const isDeserved = ({ phoneNumberId, at, code, messagesPerSecond: limit }: Evidence['overLimit'][number]) =>
    code !== THROUGHPUT_REACHED ||
    times(phoneNumberId).filter((made) => at - SECOND_MS < made && made <= at + SLACK_MS).length > limit;
  return [
    ...[...messagesPerSecond].flatMap(([phoneNumberId, limit]) =>
      beyond(times(phoneNumberId), limit).map(
        (at) => `${phoneNumberId}: ${limit + 1} calls within a second ${until(at)}`,
      ),
    ),
    ...overLimit
      .filter((refused) => !departures || isDeserved(refused))
      .map(({ phoneNumberId, at, code }) => `${phoneNumberId}: ${code} ${until(at)}`),
  ];
}

/** When one was made that was too many, with those of the second before. */
function beyond(times: readonly number[], limit: number): number[] {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted.filter((at, place) => at - (sorted[place - limit] ?? -Infinity) < SECOND_MS);
}

const until = (at: number) => `at ${new Date(at).toISOString()}`;

/**
 * What was in a retry topic may be overtaken, and what had to be forwarded keeps no order with what had not: only what was published into
 * the same partition is compared.
 */
function findReordered(
  { accepted, published, retried, failed }: Evidence,
  stories: ReadonlyMap<string, Story>,
): string[] {
  const places = new Map<string, number>();
  for (const [place, { id }] of published.entries()) if (!places.has(id)) places.set(id, place);
  const again = new Set(accepted.filter(({ wamid }) => failed.has(wamid)).map(({ commandId }) => commandId));
  const records = groupBy(published, ({ id }) => id);
  const last = new Map<string, { readonly place: number; readonly id: string }>();
  return accepted.flatMap(({ commandId: id, phoneNumberId, to, at }) => {
    const story = stories.get(id);
    const place = places.get(id);
    if (story === undefined || place === undefined) return [];
    if (retried.has(story.first.value) || again.has(id)) return [];
    const { partition } = story.first;
    // Its turn may have come by the other record.
    if (records.get(id)?.some((one) => one.partition !== partition && one.at <= at) === true) return [];
    const recipient = `${phoneNumberId}/${to}/${partition}`;
    const before = last.get(recipient);
    if (before !== undefined && before.place > place) return [`${id}: behind ${before.id}`];
    last.set(recipient, { place, id });
    return [];
  });
}

const ENDS = ['accepted', 'failed', 'dead-lettered'];

function findUndecided({ parked }: Evidence, stories: ReadonlyMap<string, Story>): string[] {
  return [
    ...[...stories.values()]
      .filter(({ fate }) => !ENDS.includes(fate?.state ?? ''))
      .map(({ first, fate }) => `${first.id}: ${fate?.state ?? 'not in the ledger'}`),
    ...parked.map((id) => `${id}: parked`),
  ];
}

function findUndeserved(evidence: Evidence, stories: ReadonlyMap<string, Story>): string[] {
  const byValue = new Map<string, Story>();
  for (const story of stories.values())
    for (const value of [story.first.value, ...story.others]) byValue.set(value, story);
  const wrong = evidence.deadLetters.flatMap((letter) => {
    const story = byValue.get(letter.value);
    if (story === undefined) return [`${letter.cause}: nobody published it`];
    return isDeserved(evidence, story, letter) ? [] : [`${story.first.id}: ${letter.cause}`];
  });
  // A dead letter may be written twice.
  return [...new Set(wrong)];
}

function isDeserved(
  { blocked, cutOff, deaths, toldAt, lookedForMs }: Evidence,
  { first, others, messages, fate }: Story,
  { value, cause, at }: Evidence['deadLetters'][number],
): boolean {
  if (cause === 'conflict') return others.has(value);
  if (value !== first.value) return false;
  if (messages.length > 0 && cause !== 'ambiguous') return false;
  switch (cause) {
    case 'permanent':
      return blocked.has(first.to);
    case 'expired':
      return first.expiresAt !== undefined && first.expiresAt <= at;
    case 'ambiguous':
      if (fate === undefined || fate.settledAt - fate.claimedAt < lookedForMs) return false;
      // Whoever looked for long enough gave it up with reason, unless its status had come.
      if (messages.some(({ wamid }) => (toldAt.get(wamid) ?? Infinity) < fate.settledAt - LOOKS_WITHIN_MS))
        return false;
      // Whoever sends what was given up has not noticed that it is somebody else's by now.
      if (messages.some(({ at }) => at > fate.settledAt + CLOCKS_DIFFER_MS)) return false;
      return cutOff.has(first.id) || deaths.some((death) => hadClaim(fate, death));
    default:
      return false;
  }
}

/** Whether it may have been under way when this began, or came in between. */
function hadClaim(fate: Story['fate'], { from, until }: Span): boolean {
  return fate !== undefined && fate.claimedAt > from - CLAIM_LASTS_MS && fate.claimedAt <= until;
}

function findDiffering(evidence: Evidence, stories: ReadonlyMap<string, Story>): string[] {
  const { ledger, commands, accepted, messages, deadLetters, failed } = evidence;
  const projected = new Map(commands.map((row) => [row.id, row]));
  const letters = new Set(deadLetters.map(({ value, cause }) => `${cause} ${value}`));
  const wamids = new Map(accepted.map((one) => [one.wamid, one]));
  const shown = new Map(messages.map((row) => [row.wamid, row]));
  return [
    ...unseen(evidence),
    ...ledger.filter(({ id }) => !stories.has(id)).map(({ id }) => `${id}: in the ledger, never published`),
    ...commands
      .filter(({ id }) => !stories.has(id))
      .map(({ id }) => `${id}: in the read model, never published`),
    ...ledger.flatMap((row) => differences(row, projected.get(row.id))),
    ...[...stories.values()].flatMap((story) => contradictions(story, letters, wamids, failed)),
    ...accepted
      .filter(({ wamid, commandId }) => shown.get(wamid)?.commandId !== commandId)
      .map(({ commandId }) => `${commandId}: its message is not in the read model`),
    ...messages
      .filter(({ wamid }) => !wamids.has(wamid))
      .map(({ commandId }) => `${commandId}: a message in the read model that was never sent`),
    ...messages
      .filter(
        ({ wamid, status }) => !(failed.has(wamid) ? ['failed'] : ['delivered', 'read']).includes(status),
      )
      .map(({ commandId, status }) => `${commandId}: its message is ${status}`),
  ];
}

/** Between what Meta took and what was seen to be made: whoever sees too little finds no limit exceeded. */
function unseen({ accepted, departures }: Evidence): string[] {
  if (!departures) return [];
  const made = new Set(departures.map(({ commandId }) => commandId));
  return accepted
    .filter(({ commandId }) => !made.has(commandId))
    .map(({ commandId }) => `${commandId}: a message of a call that was not seen`);
}

/** Between the ledger and the read model. */
function differences(row: Fate, shown: Fate | undefined): string[] {
  if (shown === undefined) return [`${row.id}: not in the read model`];
  return (['state', 'version', 'attempts', 'wamid', 'cause'] as const)
    .filter((field) => row[field] !== shown[field])
    .map(
      (field) =>
        `${row.id}: ${field} is ${String(row[field])} in the ledger, ${String(shown[field])} in the read model`,
    );
}

/** Between the ledger and the world. */
function contradictions(
  { first, fate }: Story,
  letters: ReadonlySet<string>,
  wamids: ReadonlyMap<string, Accepted>,
  failed: ReadonlySet<string>,
): string[] {
  if (fate?.state === 'failed' && !failed.has(fate.wamid ?? ''))
    return [`${first.id}: failed in the ledger, and nobody told so of this wamid`];
  if (
    ['accepted', 'failed'].includes(fate?.state ?? '') &&
    wamids.get(fate?.wamid ?? '')?.commandId !== first.id
  )
    return [`${first.id}: ${String(fate?.state)} in the ledger, and not taken by Meta under this wamid`];
  if (fate?.state === 'dead-lettered' && !letters.has(`${String(fate.cause)} ${first.value}`))
    return [`${first.id}: ${String(fate.cause)} in the ledger, and no such dead letter`];
  return [];
}
