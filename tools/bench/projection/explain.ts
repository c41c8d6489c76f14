import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../stack/repository';
import { type Database } from './ground';
import { type History } from './history';
import { type Question, questions, someMessage } from './questions';

/** Writes docs/read-model.md: each question, its SQL, and how Postgres answers it in this database. */
export async function writeReadModelPage(
  database: Database,
  history: History,
  medianMs: ReadonlyMap<string, number>,
): Promise<void> {
  const sections: string[] = [];
  for (const question of questions) {
    const plan = await explain(database, question, history);
    sections.push(section(question, medianMs.get(question.name), plan));
  }
  const page = [head(history.messages), ...sections].join('\n');
  writeFileSync(join(repositoryRoot(), 'docs/read-model.md'), page);
}

const head = (messages: number) => `# Questions to the read model

What can be asked of Postgres, with plans of a database of ${messages.toLocaleString('en-US')} messages over twelve months and as many statuses. The parameters are
text; names are those of the schema \`public\`, which shows the live projection. Partitions of which the same is done are shown once.

This page is written by \`npm run bench -- projection --only big --explain\`. Times tell also what else the machine was doing: [benchmarks](benchmarks.md#projection).
`;

function section({ name, sql }: Question, medianMs: number | undefined, plan: readonly string[]): string {
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const took = medianMs === undefined ? '' : `Median of 30: ${medianMs} ms.\n\n`;
  const code = ['```sql', sql, '```', '', '```text', ...plan, '```', ''].join('\n');
  return `## ${title}\n\n${took}${code}`;
}

async function explain(
  { client }: Database,
  { sql, parameters }: Question,
  history: History,
): Promise<string[]> {
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) ${sql}`,
    [...parameters(someMessage(history, 7))],
  );
  return foldPartitions(rows.map((row) => row['QUERY PLAN']));
}

/** Of neighbours that differ by their partition and figures only, the first stays, with a word on how many follow. */
export function foldPartitions(lines: readonly string[]): string[] {
  const folded: string[] = [];
  let skipping: number | undefined;
  let last = { kind: '', indent: -1, at: 0, more: 0 };
  for (const line of lines) {
    const indent = line.search(/\S/);
    if (skipping !== undefined && indent > skipping) continue;
    skipping = undefined;
    const kind = /_\d{4}_\d\d/.test(line) && line.includes('->') ? kindOf(line) : '';
    if (kind !== '' && kind === last.kind && indent === last.indent) {
      last.more++;
      folded[last.at] = `${(folded[last.at] ?? '').replace(/ · and \d+ more$/, '')} · and ${last.more} more`;
      skipping = indent;
      continue;
    }
    if (kind !== '') last = { kind, indent, at: folded.length, more: 0 };
    folded.push(line);
  }
  return folded;
}

const kindOf = (line: string) =>
  line
    .replace(/ \(.*$/, '')
    .replace(/_\d{4}_\d\d/g, '')
    .replace(/\d+/g, '');
