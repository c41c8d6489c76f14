import { isDeepStrictEqual } from 'node:util';
import {
  type DatabaseAddress,
  MetaApp,
  PhoneNumber,
  readState,
  type Sql,
  sqlOf,
  Waba,
  watch,
} from '@talaria/database';
import { type Logger } from '@talaria/observability';
import { type KeyProvider } from '@talaria/registry';
import { type DataSource } from 'typeorm';
import { type BusinessNumber, createTokenOpener } from './open-tokens';

/** Without its secrets, which are ingestion's. */
const APP = { appId: true, messagesPerSecond: true, pausedUntil: true, pausedReason: true } as const;
type App = Pick<MetaApp, keyof typeof APP>;

/** The business numbers, their accounts and the apps of those, as they were read last. */
export type Registry = {
  find(phoneNumberId: string): BusinessNumber | undefined;
  findAccount(wabaId: string): Waba | undefined;
  accounts(): Iterable<Waba>;
  apps(): Iterable<App>;
  /** Whether the campaign of the command was cancelled. */
  isCancelled(command: { readonly wabaId: string; readonly campaignId?: string }): boolean;
  /** All cancelled campaigns; another set when they have changed. */
  readonly cancelled: ReadonlySet<string>;
  /** How much a number receives a second, as far as processors have told of late. */
  inboundPerSecond(phoneNumberId: string): number;
  /** When the last reading that succeeded began, in ms of the monotonic clock: what was added before it is known. */
  readonly knownSince: number;
  /**
   * Resolves when the registry was read after this call: for a number that was added a moment ago. Callers share a reading, of which there
   * is at most one a second. Rejects when the database does not answer.
   */
  refresh(): Promise<void>;
  /** Numbers and accounts whose token does not open, or is missing: what they would send waits. */
  readonly tokenFaults: number;
  /** How many numbers may send, are paused by a person (so is one whose account or app is), or are of an account that Meta restricts. */
  states(): NumberStates;
  /** For liveness: why it is read no more, whether the database is there or not. */
  stalled(): string | undefined;
  close(): Promise<void>;
};

export type NumberStates = { readonly active: number; readonly paused: number; readonly restricted: number };

const TABLES = ['phone_numbers', 'wabas', 'apps', 'cancelled_campaigns'];

/**
 * Reads the numbers, then what has changed: as soon as Postgres tells of it, and every `pollMs` whatever it tells. While the database is away the
 * last ones stay.
 * @param database for a connection of the registry's own
 * @param onChange called after every reading
 */
export async function openRegistry(options: {
  readonly dataSource: DataSource;
  readonly database: DatabaseAddress;
  readonly keys: KeyProvider;
  readonly pollMs: number;
  readonly logger: Logger;
  readonly onChange: () => void;
}): Promise<Registry> {
  const { dataSource, database, keys, pollMs, logger, onChange } = options;
  const tokens = createTokenOpener(keys, logger);
  let rows: Rows = { numbers: [], accounts: [], apps: [], cancelled: new Set() };
  let numbers: ReadonlyMap<string, BusinessNumber> = new Map();
  let accounts = new Map<string, Waba>();
  let cancelled: ReadonlySet<string> = new Set();
  let known: string | undefined;
  let inbound = new Map<string, number>();
  let knownSince = 0;
  let tokenFaults = 0;

  async function read(): Promise<void> {
    const began = performance.now();
    // First: what changes while we read is read again.
    const state = await readState(sqlOf(dataSource), TABLES);
    const fresh = state === known ? rows : await readRows(dataSource);
    // A key may have come that opens what did not open.
    const isStale = state !== known || tokenFaults > 0;
    const opened = isStale ? await tokens.open(fresh.numbers, fresh.accounts) : numbers;
    inbound = await readInbound(sqlOf(dataSource));
    // All at once: whoever finds a number finds it held back, if it is to be.
    rows = fresh;
    numbers = opened;
    tokenFaults = tokens.faults;
    accounts = new Map(rows.accounts.map((row) => [row.wabaId, row]));
    if (!isDeepStrictEqual(rows.cancelled, cancelled)) cancelled = rows.cancelled;
    known = state;
    knownSince = began;
    onChange();
  }

  await read();
  const watched = watch({
    ...{ database, channel: 'talaria_registry', pollMs, read, logger },
    onFault: (error) => logger.warn({ err: error }, 'the registry could not be read'),
  });
  return {
    find: (phoneNumberId) => numbers.get(phoneNumberId),
    findAccount: (wabaId) => accounts.get(wabaId),
    accounts: () => accounts.values(),
    apps: () => rows.apps,
    isCancelled: ({ wabaId, campaignId }) =>
      campaignId !== undefined && cancelled.has(`${wabaId}/${campaignId}`),
    get cancelled() {
      return cancelled;
    },
    inboundPerSecond: (phoneNumberId) => inbound.get(phoneNumberId) ?? 0,
    get knownSince() {
      return knownSince;
    },
    refresh: watched.refresh,
    get tokenFaults() {
      return tokenFaults;
    },
    states: () => countStates(rows, accounts, Date.now()),
    stalled: watched.stalled,
    close: watched.close,
  };
}

type Rows = {
  readonly numbers: readonly PhoneNumber[];
  readonly accounts: readonly Waba[];
  readonly apps: readonly App[];
  readonly cancelled: ReadonlySet<string>;
};

function countStates(
  { numbers, apps }: Rows,
  accounts: ReadonlyMap<string, Waba>,
  now: number,
): NumberStates {
  const lies = (until: Date | number | null | undefined) => until != null && Number(until) > now;
  const pausedApps = new Set(apps.filter((app) => lies(app.pausedUntil)).map(({ appId }) => appId));
  const states = { active: 0, paused: 0, restricted: 0 };
  for (const { wabaId, pausedUntil } of numbers) {
    const account = accounts.get(wabaId);
    if (lies(account?.restrictedUntil)) states.restricted += 1;
    else if ([pausedUntil, account?.pausedUntil].some(lies) || pausedApps.has(account?.appId ?? ''))
      states.paused += 1;
    else states.active += 1;
  }
  return states;
}

async function readRows(dataSource: DataSource): Promise<Rows> {
  return {
    numbers: await dataSource.getRepository(PhoneNumber).find(),
    accounts: await dataSource.getRepository(Waba).find(),
    apps: await dataSource.getRepository(MetaApp).find({ select: APP }),
    cancelled: await readCancelled(sqlOf(dataSource)),
  };
}

/** For as long as a command of the campaign may be in Kafka, and some more. */
async function readCancelled(sql: Sql): Promise<Set<string>> {
  const rows = await sql<{ id: string }>(
    `SELECT waba_id || '/' || campaign_id AS id FROM cancelled_campaigns WHERE cancelled_at > now() - interval '60 days'`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Together, since a number's items may lie in several partitions. Whoever tells nothing for five seconds has nothing to tell, or is gone. */
async function readInbound(sql: Sql): Promise<Map<string, number>> {
  const rows = await sql<{ phone_number_id: string; per_second: number }>(
    `SELECT phone_number_id, sum(per_second)::float8 AS per_second FROM inbound_rates
     WHERE measured_at > now() - interval '5 seconds' AND per_second > 0 GROUP BY phone_number_id`,
  );
  return new Map(rows.map(({ phone_number_id, per_second }) => [phone_number_id, per_second]));
}
