import { inTransaction, type Sql } from '@talaria/database';
import { type DataSource } from 'typeorm';

/** A transaction whose statements may take longer than any other's: over a million rows they do. */
export function patiently<T>(dataSource: DataSource, work: (sql: Sql) => Promise<T>): Promise<T> {
  return inTransaction(dataSource, async (sql) => {
    await sql('SET LOCAL statement_timeout = 0');
    return work(sql);
  });
}
