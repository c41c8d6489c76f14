import { type Sql, sqlOf } from '@talaria/database';
import { seal } from '@talaria/registry';
import { type DataSource } from 'typeorm';
import { NotFoundError } from '../errors';
import {
  change,
  type HowLong,
  notThere,
  pause,
  type Pause,
  pauseColumns,
  pauseOf,
  type PauseRow,
  type RegistryAccess,
  readChanges,
  resume,
  type SealingAccess,
  setRate,
  type SignedAccess,
  type TokenState,
  tokenStateOf,
  update,
} from '../registry/registry';

/** A business number as the registry has it. */
export type ListedNumber = Pause &
  TokenState & {
    readonly phoneNumberId: string;
    readonly wabaId: string;
    readonly displayPhoneNumber: string;
    /** What Meta allows it, inbound and outbound together. */
    readonly messagesPerSecond: number;
    /** Commands that wait in the backlog table; some more may be in Kafka and in the memory of a dispatcher. */
    readonly backlog: number;
  };

export type NewNumber = {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly displayPhoneNumber: string;
  readonly messagesPerSecond?: number;
  /** Of its own; without one it sends with its account's. */
  readonly accessToken?: string;
};

type Row = PauseRow & {
  readonly phone_number_id: string;
  readonly waba_id: string;
  readonly display_phone_number: string;
  readonly own_token: string | null;
  readonly account_token: string | null;
  readonly messages_per_second: number;
  readonly account_paused: boolean;
  readonly account_restricted: boolean;
  readonly app_paused: boolean;
  readonly backlog: string;
};

/** @param wabaId those of this account. @throws {NotFoundError} when there is no such account */
export async function listNumbers(dataSource: DataSource, wabaId?: string): Promise<ListedNumber[]> {
  const sql = sqlOf(dataSource);
  const numbers = await select(sql, { wabaId });
  if (numbers.length === 0 && wabaId !== undefined) await expectAccount(sql, wabaId);
  return numbers;
}

/** @throws {NotFoundError} */
export const showNumber = (dataSource: DataSource, phoneNumberId: string) =>
  one(sqlOf(dataSource), phoneNumberId);

/** @throws when the id, or the phone number, is registered already; {NotFoundError} when its account is not */
export function addNumber(access: SealingAccess, number: NewNumber): Promise<ListedNumber> {
  const { phoneNumberId, wabaId, displayPhoneNumber, messagesPerSecond = 80, accessToken } = number;
  return change(access, async (sql) => {
    // Of two who add at once, one waits to see what the other has added.
    await sql(`SELECT pg_advisory_xact_lock(hashtext('talaria numbers add'))`);
    await expectAccount(sql, wabaId);
    const [alike] = await sql<{ id: string; waba_id: string; is_id: boolean }>(
      `SELECT phone_number_id AS id, waba_id, phone_number_id = $1 AS is_id FROM phone_numbers
       WHERE phone_number_id = $1 OR regexp_replace(display_phone_number, '\\D', '', 'g') = $2 ORDER BY is_id DESC LIMIT 1`,
      [phoneNumberId, displayPhoneNumber.replaceAll(/\D/g, '')],
    );
    if (alike !== undefined) throw alreadyThere(alike, phoneNumberId);
    await sql(
      `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, messages_per_second, access_token)
       VALUES ($1, $2, $3, $4, $5)`,
      [
        phoneNumberId,
        wabaId,
        displayPhoneNumber,
        messagesPerSecond,
        await sealed(access, phoneNumberId, accessToken),
      ],
    );
    return one(sql, phoneNumberId);
  });
}

function alreadyThere(
  { id, waba_id: wabaId, is_id: isId }: { id: string; waba_id: string; is_id: boolean },
  phoneNumberId: string,
): Error {
  const remedy = `\`talaria numbers show ${id}\` shows it`;
  return isId
    ? new Error(
        `Number ${id} is registered already, for account ${wabaId}: ${remedy}, rotate-token and set-rate change it`,
      )
    : new Error(
        `Number ${id} of account ${wabaId} is the same phone number as ${phoneNumberId} would be: ${remedy}; when Meta has given it a new id, remove the old one first with \`talaria numbers remove ${id}\``,
      );
}

export const pauseNumber = (access: SignedAccess, id: string, how: HowLong) =>
  changed(access, id, (sql) => pause(sql, 'number', id, { ...how, by: access.by }));

export const resumeNumber = (access: SignedAccess, id: string) =>
  changed(access, id, (sql) => resume(sql, 'number', id, { by: access.by }));

/** @param messagesPerSecond from 1 to 1000 */
export const setNumberRate = (access: SignedAccess, id: string, messagesPerSecond: number) =>
  changed(access, id, (sql) => setRate(sql, 'number', id, messagesPerSecond, access.by));

export const readNumberChanges = (dataSource: DataSource, id: string) =>
  readChanges(sqlOf(dataSource), 'number', id);

/** @param accessToken of its own from now on; null: its account's */
export const rotateNumberToken = (access: SealingAccess, id: string, accessToken: string | null) =>
  changed(access, id, async (sql) =>
    update(sql, 'number', id, { access_token: await sealed(access, id, accessToken ?? undefined) }),
  );

/** What would be given up if a number were removed now. */
export type Waiting = {
  /** In the backlog table. */
  readonly backlog: number;
  /** Tried, or about to be, and not at their end. */
  readonly underWay: number;
};

/**
 * @throws while commands of it wait, which would be given up as `invalid`: unless `force`
 * @returns it as it was, and what waited
 */
export function removeNumber(
  access: RegistryAccess & { readonly force?: boolean },
  id: string,
): Promise<ListedNumber & Waiting> {
  return change(access, async (sql) => {
    const number = await one(sql, id);
    const { backlog } = number;
    const underWay = access.force === true ? 0 : await countUnderWay(sql, number);
    if (backlog + underWay > 0 && access.force !== true)
      throw new Error(
        `${backlog + underWay} commands of number ${id} wait and would be given up: pause the products that write them and let them go out, cancel their campaign, or remove it with --force`,
      );
    await sql('DELETE FROM phone_numbers WHERE phone_number_id = $1', [id]);
    return { ...number, underWay };
  });
}

/** Looks through the whole ledger, which may take its time: it has no index for so rare a question. */
async function countUnderWay(sql: Sql, { phoneNumberId, wabaId }: ListedNumber): Promise<number> {
  await sql('SET LOCAL statement_timeout = 0');
  const [row] = await sql<{ count: string }>(
    `SELECT count(*) FROM dispatch_commands
     WHERE waba_id = $1 AND phone_number_id = $2 AND state IN ('claimed', 'retrying', 'unknown')`,
    [wabaId, phoneNumberId],
  );
  return Number(row?.count ?? 0);
}

function changed(
  access: RegistryAccess,
  id: string,
  work: (sql: Sql) => Promise<void>,
): Promise<ListedNumber> {
  return change(access, async (sql) => {
    await work(sql);
    return one(sql, id);
  });
}

async function expectAccount(sql: Sql, wabaId: string): Promise<void> {
  const [account] = await sql('SELECT FROM wabas WHERE waba_id = $1', [wabaId]);
  if (account === undefined)
    throw new NotFoundError(
      `There is no account ${wabaId}: add it first with \`talaria accounts add ${wabaId}\`, or see \`talaria accounts list\``,
    );
}

const sealed = ({ keys }: SealingAccess, id: string, accessToken: string | undefined) =>
  accessToken === undefined
    ? null
    : seal(keys, { table: 'phone_numbers', id, column: 'access_token' }, accessToken);

async function one(sql: Sql, phoneNumberId: string): Promise<ListedNumber> {
  const [number] = await select(sql, { phoneNumberId });
  if (number === undefined) throw notThere('number', phoneNumberId);
  return number;
}

async function select(
  sql: Sql,
  { phoneNumberId, wabaId }: { readonly phoneNumberId?: string; readonly wabaId?: string | undefined },
): Promise<ListedNumber[]> {
  const rows = await sql<Row>(
    `SELECT n.phone_number_id, n.waba_id, n.display_phone_number, n.messages_per_second, ${pauseColumns('n')},
            n.access_token AS own_token, w.access_token AS account_token,
            coalesce(w.paused_until > now(), false) AS account_paused,
            coalesce(w.restricted_until > now(), false) AS account_restricted, coalesce(a.paused_until > now(), false) AS app_paused,
            coalesce(l.depth, 0) AS backlog
     FROM phone_numbers n JOIN wabas w USING (waba_id) JOIN apps a USING (app_id)
     LEFT JOIN (SELECT phone_number_id, sum(depth) AS depth FROM dispatch_backlog_lanes GROUP BY 1) l USING (phone_number_id)
     WHERE ($1::text IS NULL OR n.phone_number_id = $1) AND ($2::text IS NULL OR n.waba_id = $2)
     ORDER BY n.waba_id, n.phone_number_id`,
    [phoneNumberId ?? null, wabaId ?? null],
  );
  return rows.map((row) => ({
    phoneNumberId: row.phone_number_id,
    wabaId: row.waba_id,
    displayPhoneNumber: row.display_phone_number,
    messagesPerSecond: row.messages_per_second,
    ...tokenStateOf(row.own_token, row.account_token),
    ...pauseOf(row, {
      'account-paused': row.account_paused,
      'account-restricted': row.account_restricted,
      'app-paused': row.app_paused,
    }),
    backlog: Number(row.backlog),
  }));
}
