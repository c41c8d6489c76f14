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

/**
 * Whoever logs the error must not log rows: TypeORM keeps the parameters in it, and Postgres quotes values in `detail` and `where`, and in the
 * message of what it could not read or compute (class 22).
 */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof QueryFailedError)) return error;
  const cleared = { parameters: undefined, detail: undefined, where: undefined };
  const driverError = error.driverError as Error & { readonly code?: string };
  for (const one of [error, driverError]) {
    Object.assign(one, cleared);
    if (driverError.code?.startsWith('22') === true)
      replaceMessage(one, `refused a value, SQLSTATE ${driverError.code}`);
  }
  return error;
}

/** Also where the stack repeats it, above the calls. */
function replaceMessage(error: Error, message: string): void {
  const { stack = '', message: old } = error;
  const from = stack.indexOf(old);
  const calls = from < 0 ? '' : stack.slice(from + old.length);
  error.message = message;
  error.stack = `${error.name}: ${message}${calls}`;
}

/** TypeORM answers UPDATE and DELETE with [rows, count], everything else with the rows. */
function rowsOf<Row>(answer: unknown): Row[] {
  const pair =
    Array.isArray(answer) && answer.length === 2 && Array.isArray(answer[0]) && typeof answer[1] === 'number';
  return (pair ? answer[0] : answer) as Row[];
}
