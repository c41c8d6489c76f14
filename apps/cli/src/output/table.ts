import { createColors } from 'picocolors';
import { type Context } from '../context';
import { isColoured } from './colour';

type Cell = string | number;

/** A table for people. */
export function tableOf(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return linesOf(head, rows).join('\n');
}

/** The same, its head in bold where the output shows colours. */
export function showTable(
  { stdout, env }: Pick<Context, 'stdout' | 'env'>,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  const { bold } = createColors(isColoured(stdout, env));
  const [first = '', ...others] = linesOf(head, rows);
  return [bold(first), ...others].join('\n');
}

function linesOf(head: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
