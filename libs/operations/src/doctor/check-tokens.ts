import { ConfigurationError } from '@talaria/config';
import { type Sql, sqlOf } from '@talaria/database';
import { type KeyProvider, open, type Place, SealError } from '@talaria/registry';
import { type CloudApiClient } from '@talaria/whatsapp';
import { type OpenDatabase } from './check-database';
import { type Check, type Found, NotCheckedError } from './finding';

export type TokenAccess = {
  readonly openDatabase: OpenDatabase;
  /** Throws when the environment's keys are wrong. */
  readonly openKeys: () => KeyProvider;
  /** Where Meta is to be asked whether it takes them. */
  readonly meta?: Pick<CloudApiClient, 'probe'> | undefined;
};

/** Meta is asked so many at once. */
const AT_ONCE = 8;

/**
 * Whether every token and secret of the registry opens with the keys that this environment has, and, where Meta may be asked, is taken by it: once for each
 * token, with one number that uses it. Nothing of them is told but whose they are.
 */
export function tokensCheck({ openDatabase, openKeys, meta }: TokenAccess): Check {
  return {
    name: 'tokens',
    async run() {
      const keys = keysOf(openKeys);
      const rows = await readRows(openDatabase);
      const opened = await Promise.all(rows.map((row) => openRow(keys, row)));
      const tokens = opened.flatMap((one) => ('token' in one ? [one] : []));
      const faults = opened.flatMap((one) => ('token' in one ? [] : [one]));
      const notTaken = meta === undefined ? [] : await askMeta(meta, tokens);
      const without = await numbersWithoutToken(openDatabase);
      const found =
        rows.length === 0
          ? 'no token or secret is stored yet'
          : `${tokens.length} of ${rows.length} tokens and secrets open`;
      return [{ subject: 'registry', result: 'ok', found }, ...faults, ...notTaken, ...without];
    },
  };
}

function keysOf(openKeys: TokenAccess['openKeys']): KeyProvider {
  try {
    return openKeys();
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause;
    throw new NotCheckedError('SECRETS_KEYS or SECRETS_KEYS_FILE is not right', { cause });
  }
}

type Row = {
  readonly place: Place;
  readonly sealed: string;
  /** A number that sends with it, if it is a token. */
  readonly number: string | null;
};

async function readRows(openDatabase: OpenDatabase): Promise<Row[]> {
  return asked(openDatabase, async (sql) => {
    const rows = await sql<Pick<Row, 'sealed' | 'number'> & Place>(
      `SELECT 'wabas' AS "table", waba_id AS id, 'access_token' AS "column", access_token AS sealed,
              (SELECT min(phone_number_id) FROM phone_numbers n WHERE n.waba_id = w.waba_id AND n.access_token IS NULL) AS number
       FROM wabas w WHERE access_token IS NOT NULL
       UNION ALL
       SELECT 'phone_numbers', phone_number_id, 'access_token', access_token, phone_number_id FROM phone_numbers WHERE access_token IS NOT NULL
       UNION ALL
       SELECT 'apps', app_id, 'app_secrets', secret, NULL FROM apps, unnest(app_secrets) AS secret
       UNION ALL
       SELECT 'apps', app_id, 'verify_token', verify_token, NULL FROM apps WHERE verify_token IS NOT NULL
       ORDER BY 1, 2, 3`,
    );
    return rows.map(({ sealed, number, ...place }) => ({ place, sealed, number }));
  });
}

/** What has neither a token of its own nor its account's sends nothing. */
async function numbersWithoutToken(openDatabase: OpenDatabase): Promise<Found[]> {
  const rows = await asked(openDatabase, (sql) =>
    sql<{ id: string; wabaId: string }>(
      `SELECT n.phone_number_id AS id, n.waba_id AS "wabaId" FROM phone_numbers n JOIN wabas w USING (waba_id)
       WHERE n.access_token IS NULL AND w.access_token IS NULL ORDER BY 1`,
    ),
  );
  return rows.map(({ id, wabaId }) => ({
    ...{ subject: `number ${id}`, result: 'warning', found: 'it has no token, and neither has its account' },
    remedy: `talaria accounts rotate-token ${wabaId}, or talaria numbers rotate-token ${id}`,
  }));
}

async function asked<T>(openDatabase: OpenDatabase, work: (sql: Sql) => Promise<T>): Promise<T> {
  try {
    return await work(sqlOf(await openDatabase()));
  } catch (cause) {
    throw new NotCheckedError('the registry cannot be read', { cause });
  }
}

type Opened = { readonly row: Row; readonly token: string };

const nouns = { wabas: 'account', phone_numbers: 'number', apps: 'app' } as const;
const subjectOf = ({ place }: Row) => `${nouns[place.table]} ${place.id}`;

async function openRow(keys: KeyProvider, row: Row): Promise<Opened | Found> {
  try {
    return { row, token: await open(keys, row.place, row.sealed) };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return {
      ...{ subject: subjectOf(row), result: 'failed', found: error.message },
      remedy: 'what needs it waits until then; talaria keys status tells which key seals what',
    };
  }
}

/** @returns what Meta did not take, or did not answer for */
async function askMeta(meta: Pick<CloudApiClient, 'probe'>, tokens: readonly Opened[]): Promise<Found[]> {
  const waiting = tokens.filter(({ row }) => row.number !== null);
  const findings: Found[] = [];
  async function askOn(): Promise<void> {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const number = one.row.number ?? '';
      const result = await meta.probe(number, one.token);
      if (result !== 'well') findings.push(notTakenFinding(subjectOf(one.row), number, result));
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  return findings;
}

function notTakenFinding(subject: string, number: string, result: 'refused' | 'away'): Found {
  return result === 'refused'
    ? {
        ...{ subject, result: 'failed', found: `Meta refuses its token for number ${number}` },
        remedy: `talaria numbers test ${number} tells why, and what to do`,
      }
    : {
        ...{ subject, result: 'warning', found: `Meta did not answer for number ${number}` },
        remedy: 'try again later',
      };
}
