import { type Topic, topics } from '@talaria/contracts';
import {
  findErasures,
  holdCheckpoints,
  identityHash,
  inTransaction,
  type KnownIdentity,
  listProjections,
  rememberErasure,
  type Sql,
  sqlOf,
} from '@talaria/database';
import { type DataSource } from 'typeorm';
import { NotFoundError } from '../errors';
import { maskIdentity } from '../messages/mask';
import { patiently } from '../patiently';
import { commandsStep, UNDONE } from './erase-commands';
import { conversationsStep, identitiesStep } from './erase-identities';
import { changesStep, unknownStep } from './erase-items';
import { correctionsStep, lettersStep } from './erase-letters';
import { doneStep, messagesStep } from './erase-messages';
import { findErasedPersons, findPersons, isRecipient, type Person, schemasOf } from './person';
import { type Step } from './step';
import { tablesOf, type VersionTables } from './version-tables';

export type ErasureOrder = {
  /** As `identityOf` gives it. */
  readonly identity: string;
  /** Only what this account knows. */
  readonly wabaId?: string;
  readonly by: string;
  readonly reason: string;
  /** Also while commands to them are still to be sent. */
  readonly force?: boolean;
};

/** Rows of each table, of all versions of the read model together. */
export type Counts = Readonly<Record<string, number>>;

export type ErasureDone = {
  /** '' for what names no account. */
  readonly accounts: readonly string[];
  /** All but their ends masked. */
  readonly identities: readonly string[];
  readonly rows: Counts;
  /** Commands to them that are still to be sent, or of which nobody knows whether they were. */
  readonly waiting: number;
  /** ISO time: all that was told until then is erased, and stays so. Null when nothing was found that had not been erased before. */
  readonly erasedAt: string | null;
};

/** Commands to the person are still to be sent: what would be told of them would name the person again. */
export class CommandsWaitError extends Error {
  override name = 'CommandsWaitError';
}

/**
 * What `eraseContact` would do.
 * @throws {NotFoundError} when nobody has anything by this identity, nor ever had
 */
export async function planErasure(
  dataSource: DataSource,
  order: Pick<ErasureOrder, 'identity' | 'wabaId'>,
): Promise<ErasureDone & { readonly persons: readonly Person[] }> {
  return patiently(dataSource, async (sql) => {
    const rows: Record<string, number> = {};
    const persons: Person[] = [];
    let waiting = 0;
    for (const person of await findPersons(sql, order.identity, order.wabaId)) {
      const counts = await countRows(sql, [person]);
      const waits = await countWaiting(sql, person);
      if (waits === 0 && Object.values(counts).every((count) => count === 0)) continue;
      persons.push(person);
      waiting += waits;
      for (const [name, count] of Object.entries(counts)) rows[name] = (rows[name] ?? 0) + count;
    }
    if (persons.length === 0) await wasErased(sql, order.identity, order.wabaId);
    const identities = new Set(persons.flatMap((person) => person.identities));
    return {
      persons,
      accounts: persons.map(({ wabaId }) => wabaId).sort(),
      identities: [...identities].map((one) => maskIdentity(one) ?? ''),
      ...{ rows, waiting, erasedAt: null },
    };
  });
}

/**
 * Erases a person from every table, in every version of the read model, and remembers it by hashes alone, so that neither a rebuild nor a webhook
 * that comes again brings back what was told until now. In slices, beside processors that run; what was interrupted is ended by doing it again.
 * @throws {CommandsWaitError} unless `force`; nothing was done
 * @throws {NotFoundError}
 */
export async function eraseContact(dataSource: DataSource, order: ErasureOrder): Promise<ErasureDone> {
  const { persons, ...plan } = await planErasure(dataSource, order);
  if (plan.waiting > 0 && order.force !== true)
    throw new CommandsWaitError(
      `nothing was erased: ${plan.waiting} commands to them are not done, and would tell of them again. Let them end, or cancel their campaign (talaria backlog cancel), and do it again; --force erases what is there now`,
    );
  if (persons.length === 0) return plan;
  const until = await inTransaction(dataSource, (sql) => rememberErasure(sql, knownAs(persons), order));
  await untilProcessorsKnow(dataSource);
  const rows = await erasePersons(
    dataSource,
    persons.map((person) => ({ ...person, until })),
  );
  return { ...plan, rows, erasedAt: until.toISOString() };
}

/** Erases again who was erased before and is there again: after a backup was restored. What they did since the erasure stays. */
export async function eraseAgain(
  dataSource: DataSource,
  { dryRun }: { readonly dryRun: boolean },
): Promise<{ readonly contacts: number; readonly rows: Counts }> {
  const persons = await patiently(dataSource, findErasedPersons);
  const rows = await (dryRun
    ? patiently(dataSource, (sql) => countRows(sql, persons))
    : erasePersons(dataSource, persons));
  return { contacts: persons.length, rows };
}

/** The topics that go on holding what is erased here, for so long as this release declares: until when, in ISO, what was written at that time is there; null is without end. */
export function topicsThatKeep(writtenAt: Date): { readonly topic: string; readonly until: string | null }[] {
  return Object.values<Topic>(topics).map(({ name, retentionMs }) => ({
    topic: name,
    until: retentionMs < 0 ? null : new Date(writtenAt.getTime() + retentionMs).toISOString(),
  }));
}

const knownAs = (persons: readonly Person[]): KnownIdentity[] =>
  persons.flatMap(({ wabaId, identities }) => identities.map((identity) => ({ wabaId, identity })));

const erasePersons = (dataSource: DataSource, persons: readonly Person[]): Promise<Counts> =>
  takeSteps(sqlOf(dataSource), persons, (step) => step.erase(dataSource));

const countRows = (sql: Sql, persons: readonly Person[]): Promise<Counts> =>
  takeSteps(sql, persons, (step) => step.count(sql));

/** By the identities all else is found, also when it is done again because it was interrupted: they go last, and what was said before the contact. */
async function takeSteps(
  sql: Sql,
  persons: readonly Person[],
  rowsOf: (step: Step) => Promise<number>,
): Promise<Counts> {
  const rows: Record<string, number> = {};
  const take = async (name: string, step: Step) => {
    rows[name] = (rows[name] ?? 0) + (await rowsOf(step));
  };
  for (const person of persons) {
    const last: Step[] = [];
    await take('dead_letters', lettersStep(person));
    await take('redrives', correctionsStep(person));
    for (const schema of await schemasOf(sql)) {
      const tables = await tablesOf(sql, schema);
      for (const [name, step] of Object.entries(stepsOf(tables, person))) await take(name, step);
      last.push(identitiesStep(tables, person));
    }
    for (const step of last) await take('contact_identities', step);
  }
  return rows;
}

/** By the table that is told of. Commands are found by messages, too. */
const stepsOf = (tables: VersionTables, person: Person): Record<string, Step> => ({
  commands: commandsStep(tables, person),
  message_statuses: doneStep('message_statuses', tables, person),
  reactions: doneStep('reactions', tables, person),
  messages: messagesStep(tables, person),
  account_changes: changesStep(tables, person),
  unknown_items: unknownStep(tables, person),
  conversations: conversationsStep(tables, person),
});

/** Whoever projects now has not seen the erasure, and may write what it is about; whoever begins after this has. */
async function untilProcessorsKnow(dataSource: DataSource): Promise<void> {
  for (const { version } of await listProjections(sqlOf(dataSource)))
    await inTransaction(dataSource, (sql) => holdCheckpoints(sql, version));
}

async function countWaiting(sql: Sql, { wabaId, identities }: Person): Promise<number> {
  const isTheirs = `waba_id = $1 AND ${isRecipient('recipient', '$2')}`;
  const found = [
    `SELECT command_id FROM dispatch_backlog WHERE ${isTheirs}`,
    ...(await schemasOf(sql)).map(
      (schema) => `SELECT command_id FROM ${schema}.commands WHERE state IN ${UNDONE} AND ${isTheirs}`,
    ),
  ];
  return (await sql(found.join(' UNION '), [wabaId, identities])).length;
}

/** @throws {NotFoundError} when nobody was erased by this identity either */
async function wasErased(sql: Sql, identity: string, wabaId: string | undefined): Promise<void> {
  const accounts = await sql<{ id: string }>(
    `SELECT waba_id AS id FROM wabas UNION SELECT waba_id FROM erasures`,
  );
  const asked = wabaId === undefined ? accounts.map(({ id }) => id) : [wabaId];
  const known = asked.map((id) => ({ wabaId: id, identity }));
  const found = await findErasures(sql, known);
  if (!known.some((one) => found.has(identityHash(one).toString('hex'))))
    throw new NotFoundError(
      `nobody is known by ${maskIdentity(identity)}${wabaId === undefined ? '' : ` to the account ${wabaId}`}, and nobody was erased by it: check the digits, with the country's code`,
    );
}
