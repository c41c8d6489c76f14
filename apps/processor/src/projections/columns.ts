/** The rows turned into one array for each column, as `unnest` takes them. */
export function columns<Row>(rows: readonly Row[], names: readonly (keyof Row)[]): unknown[] {
  return names.map((name) => rows.map((row) => row[name]));
}
