import { randomUUID } from 'node:crypto';
import { createDataSource, migrate } from '@talaria/database';
import { type DataSource } from 'typeorm';
import { createDatabase, dropDatabase } from '../../tools/platform/database';

export type TestDatabase = { readonly url: string; readonly dataSource: DataSource; close(): Promise<void> };

/** A migrated database of the test's own; `close` drops it. Needs DATABASE_URL, which `npm test` sets. */
export async function testDatabase(): Promise<TestDatabase> {
  const adminUrl = required('DATABASE_URL');
  const url = await createDatabase(adminUrl, `test_${randomUUID().replaceAll('-', '')}`);
  const dataSource = await createDataSource({ DATABASE_URL: url, DATABASE_POOL_SIZE: 10 }).initialize();
  await migrate(dataSource);
  return {
    url,
    dataSource,
    async close() {
      if (dataSource.isInitialized) await dataSource.destroy();
      await dropDatabase(adminUrl, url);
    },
  };
}

export function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined || value === '')
    throw new Error(`${variable} is not set: run the tests with npm test`);
  return value;
}
