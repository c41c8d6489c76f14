import { type DataSource } from 'typeorm';

/** Runs one statement and returns its rows. */
export type Sql = <Row = Record<string, unknown>>(
  text: string,
  parameters?: readonly unknown[],
) => Promise<Row[]>;

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export function inTransaction<T>(dataSource: DataSource, work: (sql: Sql) => Promise<T>): Promise<T> {
  return dataSource.transaction((manager) =>
    work(async (text, parameters) => rowsOf(await manager.query(text, [...(parameters ?? [])]))),
  );
}

/** One statement outside of a transaction. */
export function sqlOf(dataSource: DataSource): Sql {
  return async (text, parameters) => rowsOf(await dataSource.query(text, [...(parameters ?? [])]));
}

/** TypeORM answers UPDATE and DELETE with [rows, count], everything else with the rows. */
function rowsOf<Row>(answer: unknown): Row[] {
  const pair =
    Array.isArray(answer) && answer.length === 2 && Array.isArray(answer[0]) && typeof answer[1] === 'number';
  return (pair ? answer[0] : answer) as Row[];
}
