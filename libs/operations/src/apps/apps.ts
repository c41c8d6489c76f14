import { type Sql, sqlOf } from '@talaria/database';
import { keyIdOf, open, seal } from '@talaria/registry';
import { type DataSource } from 'typeorm';
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
  resume,
  type SealingAccess,
  setRate,
  type SignedAccess,
  update,
} from '../registry/registry';

/** An app at Meta as the registry has it: who signs webhooks, and through whom accounts send. */
export type ListedApp = Pause & {
  readonly appId: string;
  /** How many secrets are live: of webhooks, each may have signed. */
  readonly secrets: number;
  /** The keys that seal them, the newest secret's first. */
  readonly secretKeyIds: readonly string[];
  readonly hasVerifyToken: boolean;
  /** What all its accounts may send together; null for no ceiling of its own. */
  readonly messagesPerSecond: number | null;
  readonly accounts: number;
};

export type NewApp = {
  readonly appId: string;
  readonly messagesPerSecond?: number;
  readonly secret?: string;
  readonly verifyToken?: string;
};

type Row = PauseRow & {
  readonly app_id: string;
  readonly app_secrets: readonly string[];
  readonly verify_token: string | null;
  readonly messages_per_second: number | null;
  readonly accounts: string;
};

const LIVE_SECRETS = 2;

export const listApps = (dataSource: DataSource) => select(sqlOf(dataSource));

/** @throws {NotFoundError} */
export const showApp = (dataSource: DataSource, appId: string) => one(sqlOf(dataSource), appId);

/** @throws when there is one of this id */
export function addApp(access: SealingAccess, app: NewApp): Promise<ListedApp> {
  const { appId, messagesPerSecond = null, secret, verifyToken } = app;
  return change(access, async (sql) => {
    const added = await sql(
      `INSERT INTO apps (app_id, messages_per_second, app_secrets, verify_token) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING RETURNING app_id`,
      [
        appId,
        messagesPerSecond,
        secret === undefined ? [] : [await sealSecret(access, appId, secret)],
        verifyToken === undefined ? null : await sealVerifyToken(access, appId, verifyToken),
      ],
    );
    if (added.length === 0)
      throw new Error(
        `App ${appId} is registered already: \`talaria apps show ${appId}\` shows it, rotate-secret and set-rate change it`,
      );
    return one(sql, appId);
  });
}

/**
 * Stores a secret in front of those there are; the one before stays live, an older one does not. One that is live already is stored once, so that
 * whoever repeats this, because its answer was lost, drops nothing that webhooks are still signed with.
 * @param secret undefined: only drops
 * @param dropOld only the newest stays live. @throws when none would be left
 */
export function rotateAppSecret(
  access: SealingAccess,
  appId: string,
  { secret, dropOld = false }: { readonly secret?: string | undefined; readonly dropOld?: boolean },
): Promise<{ readonly app: ListedApp; readonly dropped: number }> {
  return change(access, async (sql) => {
    const [row] = await sql<Pick<Row, 'app_secrets'>>(
      'SELECT app_secrets FROM apps WHERE app_id = $1 FOR UPDATE',
      [appId],
    );
    if (row === undefined) throw notThere('app', appId);
    const fresh = secret === undefined ? [] : [await sealSecret(access, appId, secret)];
    const others = await secretsBut(access, appId, row.app_secrets, secret);
    const live = [...fresh, ...others].slice(0, dropOld ? 1 : LIVE_SECRETS);
    if (live.length === 0)
      throw new Error(
        `App ${appId} has no secret yet: store one with \`talaria apps rotate-secret ${appId}\``,
      );
    await update(sql, 'app', appId, { app_secrets: live });
    return { app: await one(sql, appId), dropped: fresh.length + others.length - live.length };
  });
}

/** One that does not open is another. */
async function secretsBut(
  { keys }: SealingAccess,
  id: string,
  sealed: readonly string[],
  secret: string | undefined,
): Promise<string[]> {
  const place = { table: 'apps', id, column: 'app_secrets' } as const;
  const opened = await Promise.all(sealed.map((one) => open(keys, place, one).catch(() => undefined)));
  return sealed.filter((_, index) => secret === undefined || opened[index] !== secret);
}

/** What Meta is told when the webhook is set up. */
export const setVerifyToken = (access: SealingAccess, appId: string, verifyToken: string) =>
  changed(access, appId, async (sql) =>
    update(sql, 'app', appId, { verify_token: await sealVerifyToken(access, appId, verifyToken) }),
  );

export const pauseApp = (access: SignedAccess, appId: string, how: HowLong) =>
  changed(access, appId, (sql) => pause(sql, 'app', appId, { ...how, by: access.by }));

export const resumeApp = (access: SignedAccess, appId: string) =>
  changed(access, appId, (sql) => resume(sql, 'app', appId, { by: access.by }));

/** @param messagesPerSecond null: no ceiling of its own */
export const setAppRate = (access: SignedAccess, appId: string, messagesPerSecond: number | null) =>
  changed(access, appId, (sql) => setRate(sql, 'app', appId, messagesPerSecond, access.by));

/** @throws while accounts send through it, and for `default`. @returns it as it was */
export function removeApp(access: RegistryAccess, appId: string): Promise<ListedApp> {
  return change(access, async (sql) => {
    const app = await one(sql, appId);
    if (appId === 'default') throw new Error('The app default stays: accounts that name no other are of it');
    if (app.accounts > 0)
      throw new Error(
        `App ${appId} has ${app.accounts} ${app.accounts === 1 ? 'account' : 'accounts'}: let them be of another first with \`talaria accounts set-app\`; \`talaria accounts list\` shows them`,
      );
    await sql('DELETE FROM apps WHERE app_id = $1', [appId]);
    return app;
  });
}

function changed(
  access: RegistryAccess,
  appId: string,
  work: (sql: Sql) => Promise<void>,
): Promise<ListedApp> {
  return change(access, async (sql) => {
    await work(sql);
    return one(sql, appId);
  });
}

const sealSecret = ({ keys }: SealingAccess, id: string, secret: string) =>
  seal(keys, { table: 'apps', id, column: 'app_secrets' }, secret);

const sealVerifyToken = ({ keys }: SealingAccess, id: string, verifyToken: string) =>
  seal(keys, { table: 'apps', id, column: 'verify_token' }, verifyToken);

async function one(sql: Sql, appId: string): Promise<ListedApp> {
  const [app] = await select(sql, appId);
  if (app === undefined) throw notThere('app', appId);
  return app;
}

async function select(sql: Sql, appId?: string): Promise<ListedApp[]> {
  const rows = await sql<Row>(
    `SELECT a.app_id, a.app_secrets, a.verify_token, a.messages_per_second, ${pauseColumns('a')},
            (SELECT count(*) FROM wabas w WHERE w.app_id = a.app_id) AS accounts
     FROM apps a WHERE $1::text IS NULL OR a.app_id = $1 ORDER BY a.app_id`,
    [appId ?? null],
  );
  return rows.map((row) => ({
    appId: row.app_id,
    secrets: row.app_secrets.length,
    secretKeyIds: row.app_secrets.map((sealed) => keyIdOf(sealed) ?? 'not sealed'),
    hasVerifyToken: row.verify_token !== null,
    messagesPerSecond: row.messages_per_second,
    ...pauseOf(row),
    accounts: Number(row.accounts),
  }));
}
