import { cpus, totalmem } from 'node:os';

/** One figure of several rounds. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number };

export type Result = {
  readonly name: string;
  /** Per second. */
  readonly rate: Spread;
  /** null where there is no time to tell. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** CPU of every process of it together, in microseconds for each request; null where it is not known. */
  readonly cpuUs: number | null;
  /** The same of each process, and of those beside it: what makes the load, and what stands in for Meta. */
  readonly cpu: Readonly<Record<string, number | null>>;
  /** What else a case has to tell. */
  readonly [detail: string]: unknown;
};

/** `of` divided by `to`, round by round. */
export type Ratio = Spread & { readonly of: string; readonly to: string; readonly [detail: string]: unknown };

export type Goal = {
  readonly name: string;
  /** Like ">= 0.4". */
  readonly goal: string;
  /** null: it could not be measured, which is no success. */
  readonly reached: number | null;
  readonly ok: boolean;
};

export type Outcome = {
  readonly results: readonly Result[];
  readonly ratios: readonly Ratio[];
  readonly goals: readonly Goal[];
};

export const noOutcome: Outcome = { results: [], ratios: [], goals: [] };

export function joinOutcomes(one: Outcome, other: Outcome): Outcome {
  return {
    results: [...one.results, ...other.results],
    ratios: [...one.ratios, ...other.ratios],
    goals: [...one.goals, ...other.goals],
  };
}

/** Figures of one divided by those of another, round by round; undefined when there is none for each round. */
export function ratioOf(
  of: string,
  to: string,
  own: readonly (number | undefined)[] = [],
  others: readonly (number | undefined)[] = [],
  details: Readonly<Record<string, unknown>> = {},
): Ratio | undefined {
  const quotients = own.flatMap((value, round) => {
    const other = others[round];
    return value === undefined || other === undefined ? [] : [value / other];
  });
  if (quotients.length === 0 || quotients.length < own.length) return undefined;
  return { of, to, ...details, ...spread(quotients) };
}

/** @throws when there are no values */
export function spread(values: readonly number[], digits = 3): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const [min] = sorted;
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) throw new Error('there is no spread of nothing');
  return { median: round(median(values), digits), min: round(min, digits), max: round(max, digits) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

export function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

/** Whether `reached` is at least, or at most, what was set; undefined or NaN is a goal missed. */
export function goal(
  name: string,
  sign: '>=' | '<=' | '=',
  limit: number,
  reached: number | null | undefined,
): Goal {
  const known = reached === undefined || reached === null || Number.isNaN(reached) ? null : reached;
  const holds = {
    '>=': (value: number) => value >= limit,
    '<=': (value: number) => value <= limit,
    '=': (value: number) => value === limit,
  };
  return { name, goal: `${sign} ${limit}`, reached: known, ok: known !== null && holds[sign](known) };
}

/** What a figure is worth depends on where it was measured. */
export function describeMachine() {
  const [first] = cpus();
  return {
    cores: cpus().length,
    memory: `${round(totalmem() / 1024 ** 3, 1)} GiB`,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: first?.model.trim() ?? 'unknown',
  };
}

/** How an outcome is told: to programs, on one line; to a person; and to a page, with the command whose arguments these are. */
export const reports = { json: toJson, text: toText, markdown: toMarkdown } as const;

function toJson(name: string, outcome: Outcome): string {
  return JSON.stringify({ case: name, machine: describeMachine(), ...outcome });
}

function toText(name: string, outcome: Outcome): string {
  const machine = Object.entries(describeMachine()).map(([key, value]) => `${key} ${value}`);
  const tables = tablesOf(outcome).map(aligned);
  return [`${name}: ${machine.join(', ')}`, ...tables].join('\n\n');
}

/** A section of docs/benchmarks.md, which prettier then aligns. */
function toMarkdown(name: string, outcome: Outcome, args: readonly string[]): string {
  const { cores, cpu, memory, node, platform } = describeMachine();
  const command = ['npm run bench --', ...args].join(' ');
  const day = new Date().toISOString().slice(0, 10);
  const heading = `${day}, ${cores} cores (${cpu}), ${memory}, Node ${node}, ${platform}: \`${command}\`, case \`${name}\`.`;
  const tables = tablesOf(outcome).map(([head = [], ...rows]) =>
    [head, head.map(() => '---'), ...rows].map(markdownRow).join('\n'),
  );
  return [heading, ...tables].join('\n\n');
}

const markdownRow = (cells: readonly string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

type Table = readonly (readonly string[])[];

/** Results, ratios and goals, each with its head; those that are empty are left out. */
function tablesOf({ results, ratios, goals }: Outcome): Table[] {
  const tables: Table[] = [
    [
      ['result', 'a second', 'p50 ms', 'p99 ms', 'CPU µs', 'of each process', 'details'],
      ...results.map(({ name, rate, p50Ms, p99Ms, cpuUs, cpu, ...details }) => [
        name,
        spreadText(rate),
        String(p50Ms ?? '-'),
        String(p99Ms ?? '-'),
        String(cpuUs ?? '?'),
        pairs(cpu),
        pairs(details),
      ]),
    ],
    [['ratio', 'median (min–max)'], ...ratios.map((ratio) => [titleOf(ratio), spreadText(ratio)])],
    [
      ['goal', 'limit', 'reached', 'verdict'],
      ...goals.map(({ name, goal: limit, reached, ok }) => [
        name,
        limit,
        String(reached ?? 'not measured'),
        ok ? 'ok' : 'MISSED',
      ]),
    ],
  ];
  return tables.filter((rows) => rows.length > 1);
}

const spreadText = ({ median: middle, min, max }: Spread) => `${middle} (${min}–${max})`;

const pairs = (of: Readonly<Record<string, unknown>>) =>
  Object.entries(of)
    .map(
      ([key, value]) => `${key} ${value === null ? '?' : isSpread(value) ? spreadText(value) : shown(value)}`,
    )
    .join(', ');

const isSpread = (value: unknown): value is Spread =>
  typeof value === 'object' && value !== null && 'median' in value && 'min' in value && 'max' in value;

const shown = (value: unknown) => JSON.stringify(value).replaceAll('"', '');

function titleOf({ of, to, median: _median, min: _min, max: _max, ...details }: Ratio): string {
  return [`${of} / ${to}`, ...Object.entries(details).map(([key, value]) => `${key} ${String(value)}`)].join(
    ', ',
  );
}

function aligned(rows: Table): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
