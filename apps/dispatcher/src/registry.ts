import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { listen, MetaApp, PhoneNumber, type Sql, sqlOf, Waba } from '@talaria/database';
import { type Logger } from '@talaria/observability';
import { type KeyProvider } from '@talaria/registry';
import { type DataSource } from 'typeorm';
import { type BusinessNumber, createTokenOpener } from './open-tokens';

/** The business numbers, their accounts and the apps of those, as they were read last. */
export type Registry = {
  find(phoneNumberId: string): BusinessNumber | undefined;
  findAccount(wabaId: string): Waba | undefined;
  accounts(): Iterable<Waba>;
  apps(): Iterable<MetaApp>;
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
  close(): Promise<void>;
};

const REFRESH_AT_MOST_MS = 1000;
/** Sooner, when something is known to have changed; a script may change thousands of rows one by one. */
const NOTICED_AT_MOST_MS = 200;

/**
 * Reads the numbers, then what has changed: as soon as Postgres tells of it, and every `pollMs` whatever it tells. While the database is away the
 * last ones stay.
 * @param url of the database, for a connection of the registry's own
 * @param onChange called after every reading
 */
export async function openRegistry(options: {
  readonly dataSource: DataSource;
  readonly url: string;
  readonly keys: KeyProvider;
  readonly pollMs: number;
  readonly logger: Logger;
  readonly onChange: () => void;
}): Promise<Registry> {
  const { dataSource, url, keys, pollMs, logger, onChange } = options;
  const tokens = createTokenOpener(keys, logger);
  let numberRows: readonly PhoneNumber[] = [];
  let numbers: ReadonlyMap<string, BusinessNumber> = new Map();
  let accounts = new Map<string, Waba>();
  let apps: readonly MetaApp[] = [];
  let cancelled = new Set<string>();
  let known: string | undefined;
  let inbound = new Map<string, number>();
  let readAt = 0;
  let knownSince = 0;
  let next: Promise<void> | undefined;
  let noticed: Promise<void> | undefined;
  let last: Promise<void> = Promise.resolve();

  /** One after another: of two readings at once, the older could end last. */
  function read(): Promise<void> {
    return (last = last.catch(() => undefined).then(readOnce));
  }

  async function readOnce(): Promise<void> {
    const began = (readAt = performance.now());
    // First: what changes while we read is read again.
    const state = await readState(sqlOf(dataSource));
    if (state !== known) await readAll();
    // A key may have come that opens what did not open.
    if (state !== known || tokens.faults > 0) numbers = await tokens.open(numberRows, [...accounts.values()]);
    known = state;
    inbound = await readInbound(sqlOf(dataSource));
    knownSince = began;
    onChange();
  }

  async function readAll(): Promise<void> {
    numberRows = await dataSource.getRepository(PhoneNumber).find();
    const accountRows = await dataSource.getRepository(Waba).find();
    apps = await dataSource.getRepository(MetaApp).find();
    const cancelledNow = await readCancelled(sqlOf(dataSource));
    if (!isDeepStrictEqual(cancelledNow, cancelled)) cancelled = cancelledNow;
    accounts = new Map(accountRows.map((row) => [row.wabaId, row]));
  }

  async function readNext(): Promise<void> {
    await delay(Math.max(0, readAt + REFRESH_AT_MOST_MS - performance.now()));
    // Who asks from now on may know of a number that this reading misses.
    next = undefined;
    await read();
  }

  async function readNoticed(): Promise<void> {
    await delay(Math.max(0, readAt + NOTICED_AT_MOST_MS - performance.now()));
    noticed = undefined;
    await read();
  }

  const reported = (reading: Promise<void>) =>
    reading.catch((error: unknown) => logger.warn({ err: error }, 'the registry could not be read'));

  const registry: Registry = {
    find: (phoneNumberId) => numbers.get(phoneNumberId),
    findAccount: (wabaId) => accounts.get(wabaId),
    accounts: () => accounts.values(),
    apps: () => apps,
    isCancelled: ({ wabaId, campaignId }) =>
      campaignId !== undefined && cancelled.has(`${wabaId}/${campaignId}`),
    get cancelled() {
      return cancelled;
    },
    inboundPerSecond: (phoneNumberId) => inbound.get(phoneNumberId) ?? 0,
    get knownSince() {
      return knownSince;
    },
    refresh: () => (next ??= readNext()),
    get tokenFaults() {
      return tokens.faults;
    },
    async close() {
      clearInterval(poll);
      await listener.close();
    },
  };
  await read();
  const poll = setInterval(() => void reported(registry.refresh()), pollMs).unref();
  const listener = listen({
    ...{ url, channel: 'talaria_registry', logger },
    onNotice() {
      noticed ??= reported(readNoticed());
    },
  });
  return registry;
}

/**
 * Another text whenever a row was added, changed or deleted, by whomever: each version of a row has a place and a transaction of its own. Ten thousand
 * rows are so looked at in the database, and not sent each second to every dispatcher.
 */
async function readState(sql: Sql): Promise<string> {
  const tables = ['phone_numbers', 'wabas', 'apps', 'cancelled_campaigns'];
  const states = tables.map(
    (table) =>
      `SELECT concat(count(*), '/', sum(hashtextextended(concat(ctid, '/', xmin), 0))) AS state FROM ${table}`,
  );
  const rows = await sql<{ state: string }>(states.join(' UNION ALL '));
  return rows.map(({ state }) => state).join();
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
