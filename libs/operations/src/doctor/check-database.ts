import { ConfigurationError } from '@talaria/config';
import {
  listProjections,
  PROJECTION_SHAPE,
  readMigrations,
  readProgress,
  type Sql,
  sqlOf,
  tlsFault,
} from '@talaria/database';
import { type DataSource } from 'typeorm';
import { skewFinding } from './clock';
import { type Check, type Found, NotCheckedError } from './finding';

/** Connected; rejects when it cannot be. */
export type OpenDatabase = () => Promise<DataSource>;

const OLDEST_POSTGRES = 140_000;

/** Whether Postgres is there, has the schema of this release, goes by the same clock, and has a read model that can be read. */
export function databaseChecks(open: OpenDatabase): Check[] {
  const ifThere = async <T>(work: (dataSource: DataSource) => Promise<T>) => {
    const dataSource = await open().catch((cause: unknown) => {
      throw new NotCheckedError('the database cannot be asked', { cause });
    });
    return work(dataSource);
  };
  return [
    { name: 'postgres', run: () => checkPostgres(open) },
    { name: 'migrations', run: () => ifThere(checkMigrations) },
    { name: 'clock', run: () => ifThere((dataSource) => checkClock(sqlOf(dataSource))) },
    { name: 'read model', run: () => ifThere((dataSource) => checkReadModel(sqlOf(dataSource))) },
  ];
}

async function checkPostgres(open: OpenDatabase): Promise<Found[]> {
  const subject = 'DATABASE_URL';
  let dataSource: DataSource;
  try {
    dataSource = await open();
  } catch (error) {
    if (error instanceof ConfigurationError)
      throw new NotCheckedError('DATABASE_URL is not right', { cause: error });
    const { code, message } = error as { code?: string; message: string };
    const found = `it cannot be connected to (${code ?? message})`;
    const remedy =
      tlsFault(error) ??
      'look whether Postgres runs, and correct host, user, password and database in DATABASE_URL';
    return [{ subject, result: 'failed', found, remedy }];
  }
  const began = performance.now();
  const [row] = await sqlOf(dataSource)<{ number: number; version: string }>(
    `SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version`,
  );
  const found = `Postgres ${row?.version ?? '?'} answers in ${Math.round(performance.now() - began)} ms`;
  if ((row?.number ?? 0) >= OLDEST_POSTGRES) return [{ subject, result: 'ok', found }];
  return [{ subject, result: 'failed', found, remedy: 'use Postgres 14 or newer' }];
}

async function checkMigrations(dataSource: DataSource): Promise<Found[]> {
  const subject = 'schema';
  const { applied, pending, unknown, suits } = await readMigrations(dataSource);
  if (unknown.length > 0 && pending.length === 0)
    return [
      {
        ...{ subject, result: suits ? 'warning' : 'failed' },
        found: `it is newer than this release${suits ? ', which may work with it' : ''}: ${unknown.join(', ')}`,
        remedy: 'use the release that has migrated it, or a newer one',
      },
    ];
  if (pending.length > 0)
    return [
      {
        ...{ subject, result: 'failed', found: `not applied: ${pending.join(', ')}` },
        remedy: 'talaria database migrate',
      },
    ];
  return [{ subject, result: 'ok', found: `all ${applied.length} migrations are applied` }];
}

/** The answer's time is taken for that of the middle between question and answer. */
async function checkClock(sql: Sql): Promise<Found[]> {
  // The first question of a connection takes longer, and so is less exact.
  await sql('SELECT 1');
  const asked = Date.now();
  const [row] = await sql<{ at: number }>(
    `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS at`,
  );
  const answered = Date.now();
  return [skewFinding('Postgres', (row?.at ?? NaN) - (asked + answered) / 2)];
}

async function checkReadModel(sql: Sql): Promise<Found[]> {
  const versions = await listProjections(sql).catch((cause: unknown) => {
    throw new NotCheckedError('there is no schema yet', { cause });
  });
  const live = versions.find(({ state }) => state === 'live');
  if (live === undefined)
    return [
      {
        ...{ subject: 'versions', result: 'failed', found: 'none of them is live' },
        remedy: 'talaria projections status, then talaria projections promote',
      },
    ];
  const progress = await readProgress(sql);
  return versions.map(({ version, shape, state }): Found => {
    const subject = `version ${version}`;
    const skipped = progress.find((one) => one.version === version)?.skipped ?? 0;
    if (shape !== PROJECTION_SHAPE)
      return {
        ...{ subject, result: state === 'live' ? 'failed' : 'warning' },
        found: `${state}, of shape ${shape}: this release writes shape ${PROJECTION_SHAPE}`,
        remedy: 'talaria projections rebuild, then promote',
      };
    if (skipped > 0)
      return {
        ...{ subject, result: 'warning', found: `${state}, and ${skipped} records could not be projected` },
        remedy: 'talaria dead-letters list --topic webhooks, and the table skipped_records',
      };
    return { subject, result: 'ok', found: state };
  });
}
