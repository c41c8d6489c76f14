import { Client } from 'pg';
import { createDatabase, dropDatabase } from '../platform/database';
import { prepareDatabase } from '../setup/prepare';
import { cpuMsOf } from './cpu-time';
import { type Ground } from './ground';

export type Database = {
  readonly url: string;
  /** A connection of the benchmark's own. */
  readonly client: Client;
  drop(): Promise<void>;
};

/**
 * An empty database of Talaria's, dropped with the ground at the latest.
 * @param adminUrl of a user who may create databases
 * @param number tells it from others of the same ground
 */
export async function openDatabase(ground: Ground, adminUrl: string, number: number): Promise<Database> {
  const name = ground.config.KAFKA_PREFIX.replaceAll(/[^a-z0-9]/g, '_');
  const url = await createDatabase(adminUrl, `talaria_${name}${number}`);
  const client = new Client({ connectionString: url });
  // Dropping the database ends the connection, where nobody listens any more.
  client.on('error', () => undefined);
  let isThere = true;
  const drop = async () => {
    if (!isThere) return;
    isThere = false;
    await client.end();
    await dropDatabase(adminUrl, url);
  };
  ground.atClose(drop);
  await prepareDatabase(url);
  await client.connect();
  return { url, client, drop };
}

/** CPU time of all connections of a database but the benchmark's own, in milliseconds; undefined: not known. */
export async function databaseCpuMs({ client }: Database): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  return cpuMsOf(rows.map((row) => row.pid));
}
