import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** For whoever looks for the cause: a folder for each side, a file for each list, a line for each entry. All in one would be too long for a string. */
export function keepEvidence(folder: string, sides: Readonly<Record<string, object>>): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [side, lists] of Object.entries(sides)) {
    mkdirSync(join(folder, side), { recursive: true });
    for (const [name, list] of Object.entries(lists) as [string, unknown][])
      writeLines(join(folder, side, `${name}.jsonl`), isIterable(list) ? list : [list]);
  }
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value;

function writeLines(file: string, entries: Iterable<unknown>): void {
  let lines = '';
  for (const entry of entries) {
    lines += `${JSON.stringify(entry, (_, value: unknown) => (isIterable(value) ? [...value] : value))}\n`;
    if (lines.length < 1_000_000) continue;
    appendFileSync(file, lines);
    lines = '';
  }
  appendFileSync(file, lines);
}
