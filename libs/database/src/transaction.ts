import { type DataSource, QueryFailedError } from 'typeorm';

/** Runs one statement and returns its rows. */
export type Sql = <Row = Record<string, unknown>>(
  text: string,
  parameters?: readonly unknown[],
) => Promise<Row[]>;

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export function inTransaction<T>(dataSource: DataSource, work: (sql: Sql) => Promise<T>): Promise<T> {
  return dataSource.transaction((manager) => work((text, parameters) => run(manager, text, parameters)));
}

/** One statement outside of a transaction. */
export function sqlOf(dataSource: DataSource): Sql {
  return (text, parameters) => run(dataSource, text, parameters);
}

async function run<Row>(
  on: Pick<DataSource, 'query'>,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  try {
    return rowsOf(await on.query(text, [...parameters]));
  } catch (error) {
    throw withoutValues(error);
  }
}

/** Whoever logs the error must not log rows: TypeORM keeps the parameters in it, and Postgres quotes values in `detail` and `where`. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof QueryFailedError)) return error;
  const cleared = { parameters: undefined, detail: undefined, where: undefined };
  Object.assign(error, cleared);
  Object.assign(error.driverError, cleared);
  return error;
}

/** TypeORM answers UPDATE and DELETE with [rows, count], everything else with the rows. */
function rowsOf<Row>(answer: unknown): Row[] {
  const pair =
    Array.isArray(answer) && answer.length === 2 && Array.isArray(answer[0]) && typeof answer[1] === 'number';
  return (pair ? answer[0] : answer) as Row[];
}
