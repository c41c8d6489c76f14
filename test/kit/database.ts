import { randomUUID } from 'node:crypto';
import { createDataSource, migrate, type User } from '@talaria/database';
import { type DataSource } from 'typeorm';
import { createDatabase, createRoles, dropDatabase, dropRoles } from '../../tools/platform/database';

export type TestDatabase = {
  /** Of the owner. */
  readonly url: string;
  readonly dataSource: DataSource;
  /** The URL of a role that may do only what this user of the database should. */
  as(user: User): Promise<string>;
  close(): Promise<void>;
};

/**
 * A migrated database of the test's own; `close` drops it. Needs DATABASE_URL, which `npm test` sets.
 * @param projection sees only the tables of this version, as the processor does; by default what is public
 */
export async function testDatabase(projection?: number): Promise<TestDatabase> {
  const adminUrl = required('DATABASE_URL');
  const url = await createDatabase(adminUrl, `test_${randomUUID().replaceAll('-', '')}`);
  const plain = await createDataSource({ DATABASE_URL: url, DATABASE_POOL_SIZE: 1 }).initialize();
  await migrate(plain);
  await plain.destroy();
  const config = { DATABASE_URL: url, DATABASE_POOL_SIZE: 10 };
  const dataSource = await createDataSource(config, projection).initialize();
  let roles: ReturnType<typeof createRoles> | undefined;
  return {
    url,
    dataSource,
    as: async (user) => (await (roles ??= createRoles(url)))[user],
    async close() {
      if (dataSource.isInitialized) await dataSource.destroy();
      await dropDatabase(adminUrl, url);
      if (roles !== undefined) await dropRoles(adminUrl, url);
    },
  };
}

export function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined || value === '')
    throw new Error(`${variable} is not set: run the tests with npm test`);
  return value;
}
