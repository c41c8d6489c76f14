import { type Sql, sqlOf } from '@talaria/database';
import { seal } from '@talaria/registry';
import { type DataSource } from 'typeorm';
import {
  change,
  type HowLong,
  keep,
  notThere,
  pause,
  type Pause,
  pauseColumns,
  pauseOf,
  type PauseRow,
  readChanges,
  type RegistryAccess,
  resume,
  type SealingAccess,
  setRate,
  type SignedAccess,
  timeOf,
  type TokenState,
  tokenStateOf,
  update,
} from '../registry/registry';

/** A WhatsApp business account as the registry has it. */
export type ListedAccount = Pause &
  TokenState & {
    readonly wabaId: string;
    readonly name: string;
    readonly provider: 'meta';
    readonly appId: string;
    /** What all its numbers may send together; null for no ceiling of its own. */
    readonly messagesPerSecond: number | null;
    /** By what Meta has told. ISO time, `infinity` until Meta or a person takes it back, null when it is not restricted. */
    readonly restrictedUntil: string | null;
    readonly restrictedReason: string | null;
    readonly numbers: number;
  };

export type NewAccount = {
  readonly wabaId: string;
  readonly name: string;
  readonly appId?: string;
  readonly messagesPerSecond?: number;
  readonly accessToken?: string;
};

type Row = PauseRow & {
  readonly waba_id: string;
  readonly name: string;
  readonly provider: 'meta';
  readonly app_id: string;
  readonly access_token: string | null;
  readonly messages_per_second: number | null;
  readonly app_paused: boolean;
  readonly restricted: boolean;
  readonly restricted_until: Date | number | null;
  readonly restricted_reason: string | null;
  readonly numbers: string;
};

export const listAccounts = (dataSource: DataSource) => select(sqlOf(dataSource));

/** @throws {NotFoundError} */
export const showAccount = (dataSource: DataSource, wabaId: string) => one(sqlOf(dataSource), wabaId);

export const readAccountChanges = (dataSource: DataSource, wabaId: string) =>
  readChanges(sqlOf(dataSource), 'account', wabaId);

/** @throws when there is one of this id, and {NotFoundError} when there is no such app */
export function addAccount(
  access: SealingAccess & SignedAccess,
  account: NewAccount,
): Promise<ListedAccount> {
  const { wabaId, name, appId = 'default', messagesPerSecond = null, accessToken } = account;
  return change(access, async (sql) => {
    await expectApp(sql, appId);
    const added = await sql(
      `INSERT INTO wabas (waba_id, name, app_id, messages_per_second, access_token) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING RETURNING waba_id`,
      [wabaId, name, appId, messagesPerSecond, await sealed(access, wabaId, accessToken)],
    );
    if (added.length === 0)
      throw new Error(
        `Account ${wabaId} is registered already: \`talaria accounts show ${wabaId}\` shows it, rotate-token and set-rate change it`,
      );
    // What Meta has told of one that was removed and is added again counts no more.
    const [known] = await sql(`SELECT FROM registry_changes WHERE subject = 'wabas/' || $1 LIMIT 1`, [
      wabaId,
    ]);
    if (known !== undefined) await lift(sql, wabaId, access.by, 'added again');
    return one(sql, wabaId);
  });
}

export const pauseAccount = (access: SignedAccess, wabaId: string, how: HowLong) =>
  changed(access, wabaId, (sql) => pause(sql, 'account', wabaId, { ...how, by: access.by }));

export const resumeAccount = (access: SignedAccess, wabaId: string) =>
  changed(access, wabaId, (sql) => resume(sql, 'account', wabaId, { by: access.by }));

/** What Meta has told of a ban, a restriction or a deletion until now holds the account back no more; what it tells later does again. */
export const liftRestriction = (access: SignedAccess, wabaId: string, reason: string) =>
  changed(access, wabaId, async (sql) => {
    await update(sql, 'account', wabaId, { restricted_until: null, restricted_reason: null });
    await lift(sql, wabaId, access.by, reason);
  });

/** Behind all that Meta has told, whatever the clocks say: by the time of the database, and not before what is known. */
async function lift(sql: Sql, wabaId: string, by: string, reason: string): Promise<void> {
  const [row] = await sql<{ at: Date }>(
    `SELECT greatest(now(), max(changed_at)) AS at FROM registry_changes WHERE subject = 'wabas/' || $1 AND changed_by = 'meta'`,
    [wabaId],
  );
  await keep(sql, 'account', wabaId, { change: 'lift', by, reason, changedAt: row?.at ?? new Date() });
}

/** @param messagesPerSecond null: no ceiling of its own */
export const setAccountRate = (access: SignedAccess, wabaId: string, messagesPerSecond: number | null) =>
  changed(access, wabaId, (sql) => setRate(sql, 'account', wabaId, messagesPerSecond, access.by));

/** From now on its numbers that have no token of their own send with this one. */
export const rotateAccountToken = (access: SealingAccess, wabaId: string, accessToken: string) =>
  changed(access, wabaId, async (sql) =>
    update(sql, 'account', wabaId, { access_token: await sealed(access, wabaId, accessToken) }),
  );

/** @throws {NotFoundError} when there is no such account or app */
export const setAccountApp = (access: RegistryAccess, wabaId: string, appId: string) =>
  changed(access, wabaId, async (sql) => {
    await expectApp(sql, appId);
    await update(sql, 'account', wabaId, { app_id: appId });
  });

/** @throws while it has numbers. @returns it as it was */
export function removeAccount(access: RegistryAccess, wabaId: string): Promise<ListedAccount> {
  return change(access, async (sql) => {
    const account = await one(sql, wabaId);
    if (account.numbers > 0)
      throw new Error(
        `Account ${wabaId} has ${account.numbers} ${account.numbers === 1 ? 'number' : 'numbers'}: remove them first, \`talaria numbers list --account ${wabaId}\` shows them`,
      );
    await sql('DELETE FROM wabas WHERE waba_id = $1', [wabaId]);
    return account;
  });
}

function changed(
  access: RegistryAccess,
  wabaId: string,
  work: (sql: Sql) => Promise<void>,
): Promise<ListedAccount> {
  return change(access, async (sql) => {
    await work(sql);
    return one(sql, wabaId);
  });
}

async function expectApp(sql: Sql, appId: string): Promise<void> {
  const [app] = await sql('SELECT FROM apps WHERE app_id = $1', [appId]);
  if (app === undefined) throw notThere('app', appId);
}

const sealed = ({ keys }: SealingAccess, id: string, accessToken: string | undefined) =>
  accessToken === undefined ? null : seal(keys, { table: 'wabas', id, column: 'access_token' }, accessToken);

async function one(sql: Sql, wabaId: string): Promise<ListedAccount> {
  const [account] = await select(sql, wabaId);
  if (account === undefined) throw notThere('account', wabaId);
  return account;
}

async function select(sql: Sql, wabaId?: string): Promise<ListedAccount[]> {
  const rows = await sql<Row>(
    `SELECT w.waba_id, w.name, w.provider, w.app_id, w.access_token, w.messages_per_second, ${pauseColumns('w')},
            coalesce(a.paused_until > now(), false) AS app_paused,
            coalesce(w.restricted_until > now(), false) AS restricted, w.restricted_until, w.restricted_reason,
            (SELECT count(*) FROM phone_numbers n WHERE n.waba_id = w.waba_id) AS numbers
     FROM wabas w JOIN apps a USING (app_id) WHERE $1::text IS NULL OR w.waba_id = $1 ORDER BY w.waba_id`,
    [wabaId ?? null],
  );
  return rows.map((row) => ({
    wabaId: row.waba_id,
    name: row.name,
    provider: row.provider,
    appId: row.app_id,
    messagesPerSecond: row.messages_per_second,
    ...tokenStateOf(row.access_token, null),
    ...pauseOf(row, { restricted: row.restricted, 'app-paused': row.app_paused }),
    restrictedUntil: row.restricted ? timeOf(row.restricted_until) : null,
    restrictedReason: row.restricted ? row.restricted_reason : null,
    numbers: Number(row.numbers),
  }));
}
