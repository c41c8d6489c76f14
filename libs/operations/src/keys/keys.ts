import { type Sql, sqlOf } from '@talaria/database';
import { keyIdOf, type KeyProvider, open, type Place, rewrap, SealError } from '@talaria/registry';
import { type DataSource } from 'typeorm';

/** A key, or what is stored under none. */
export type KeyUse = {
  /** null: stored without having been sealed. */
  readonly keyId: string | null;
  /** New secrets are sealed by it. */
  readonly isCurrent: boolean;
  readonly secrets: number;
  /** Of these, how many do not open. */
  readonly faulty: number;
};

export type KeysStatus = {
  readonly keys: readonly KeyUse[];
  /** What does not open, with what to do about each. */
  readonly faults: readonly string[];
};

export type Rewrapped = {
  readonly keyId: string;
  readonly rewrapped: number;
  /** Under the current key before. */
  readonly current: number;
  /** Somebody stored another meanwhile, which is under the current key. */
  readonly replaced: number;
  readonly faults: readonly string[];
};

type Stored = { readonly place: Place; readonly sealed: string };

/** At most so many are written in one statement. */
const BATCH = 200;

/** Which keys seal how many tokens and secrets, and whether they open. */
export async function keysStatus(dataSource: DataSource, keys: KeyProvider): Promise<KeysStatus> {
  const current = await keys.currentKeyId();
  const uses = new Map<string | null, KeyUse>([[current, unused(current, current)]]);
  const faults: string[] = [];
  for (const { place, sealed } of await readAll(sqlOf(dataSource))) {
    const keyId = keyIdOf(sealed) ?? null;
    const use = uses.get(keyId) ?? unused(keyId, current);
    const fault = await faultOf(open(keys, place, sealed));
    if (fault !== undefined) faults.push(fault);
    uses.set(keyId, {
      ...use,
      secrets: use.secrets + 1,
      faulty: use.faulty + (fault === undefined ? 0 : 1),
    });
  }
  return { keys: [...uses.values()], faults };
}

const unused = (keyId: string | null, current: string): KeyUse => ({
  ...{ keyId, isCurrent: keyId === current, secrets: 0, faulty: 0 },
});

/**
 * Puts every token and secret under the current key. What was done stays done when it is interrupted, and a second time there is nothing to do. A secret
 * that somebody stores meanwhile is left as it is stored.
 * @param options.onProgress called after each batch
 */
export async function rewrapAll(
  { dataSource, keys }: { readonly dataSource: DataSource; readonly keys: KeyProvider },
  options: {
    readonly dryRun?: boolean;
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<Rewrapped> {
  const { dryRun = false, signal, onProgress = () => undefined } = options;
  const sql = sqlOf(dataSource);
  const keyId = await keys.currentKeyId();
  const all = await readAll(sql);
  const old = all.filter(({ sealed }) => keyIdOf(sealed) !== keyId);
  const faults: string[] = [];
  let [rewrapped, replaced, done] = [0, 0, 0];
  while (done < old.length && signal?.aborted !== true) {
    const batch = old.slice(done, done + BATCH);
    const fresh: (Stored & { readonly now: string })[] = [];
    for (const stored of batch) {
      const fault = await faultOf(
        rewrap(keys, stored.place, stored.sealed).then((now) => fresh.push({ ...stored, now })),
      );
      if (fault !== undefined) faults.push(fault);
    }
    const written = dryRun ? fresh.length : await write(sql, fresh);
    rewrapped += written;
    replaced += fresh.length - written;
    done += batch.length;
    onProgress(done, old.length);
  }
  return { keyId, rewrapped, current: all.length - old.length, replaced, faults };
}

async function faultOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof SealError) return error.message;
    throw error;
  }
}

async function readAll(sql: Sql): Promise<Stored[]> {
  const rows = await sql<Place & { readonly sealed: string }>(
    `SELECT 'apps' AS "table", app_id AS id, 'app_secrets' AS "column", unnest(app_secrets) AS sealed FROM apps
     UNION ALL SELECT 'apps', app_id, 'verify_token', verify_token FROM apps WHERE verify_token IS NOT NULL
     UNION ALL SELECT 'wabas', waba_id, 'access_token', access_token FROM wabas WHERE access_token IS NOT NULL
     UNION ALL SELECT 'phone_numbers', phone_number_id, 'access_token', access_token FROM phone_numbers WHERE access_token IS NOT NULL
     ORDER BY 1, 2, 3, 4`,
  );
  return rows.map(({ sealed, table, id, column }) => ({ place: { table, id, column } as Place, sealed }));
}

/** Only where the old text still stands. @returns how many were written */
async function write(sql: Sql, fresh: readonly (Stored & { readonly now: string })[]): Promise<number> {
  let written = 0;
  for (const { place, sealed, now } of fresh.filter(({ place: { column } }) => column === 'app_secrets')) {
    const rows = await sql(
      'UPDATE apps SET app_secrets = array_replace(app_secrets, $2, $3) WHERE app_id = $1 AND $2 = ANY (app_secrets) RETURNING app_id',
      [place.id, sealed, now],
    );
    written += rows.length;
  }
  for (const { table, key, column } of COLUMNS) {
    const ours = fresh.filter(({ place }) => place.table === table && place.column === column);
    if (ours.length === 0) continue;
    const rows = await sql(
      `UPDATE ${table} AS r SET ${column} = t.new FROM unnest($1::text[], $2::text[], $3::text[]) AS t (id, old, new)
       WHERE r.${key} = t.id AND r.${column} = t.old RETURNING r.${key}`,
      [ours.map(({ place }) => place.id), ours.map(({ sealed }) => sealed), ours.map(({ now }) => now)],
    );
    written += rows.length;
  }
  return written;
}

const COLUMNS = [
  { table: 'apps', key: 'app_id', column: 'verify_token' },
  { table: 'wabas', key: 'waba_id', column: 'access_token' },
  { table: 'phone_numbers', key: 'phone_number_id', column: 'access_token' },
] as const;
