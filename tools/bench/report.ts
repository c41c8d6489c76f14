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
  /** CPU of every process of it together, for each request; null where it is not known. */
  readonly cpuUs: number | null;
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

/** The outcome for programs, on one line. */
export function toJson(name: string, outcome: Outcome): string {
  return JSON.stringify({ case: name, machine: describeMachine(), ...outcome });
}

/** The outcome for a person. */
export function toText(name: string, { results, ratios, goals }: Outcome): string {
  const spreadText = ({ median: middle, min, max }: Spread) => `${middle} (${min}–${max})`;
  const machine = Object.entries(describeMachine()).map(([key, value]) => `${key} ${value}`);
  const sections = [
    [`${name}: ${machine.join(', ')}`],
    table(
      ['', 'a second', 'p50 ms', 'p99 ms', 'CPU µs', 'details'],
      results.map(({ name: of, rate, p50Ms, p99Ms, cpuUs, ...details }) => [
        of,
        spreadText(rate),
        String(p50Ms ?? '-'),
        String(p99Ms ?? '-'),
        String(cpuUs ?? '?'),
        Object.entries(details)
          .map(([key, value]) => `${key} ${JSON.stringify(value).replaceAll('"', '')}`)
          .join(', '),
      ]),
    ),
    table(
      ['ratio', ''],
      ratios.map((ratio) => [titleOf(ratio), spreadText(ratio)]),
    ),
    table(
      ['goal', '', 'reached', ''],
      goals.map(({ name: of, goal: limit, reached, ok }) => [
        of,
        limit,
        String(reached ?? 'not measured'),
        ok ? 'ok' : 'MISSED',
      ]),
    ),
  ];
  return sections.map((lines) => lines.join('\n')).join('\n\n');
}

function titleOf({ of, to, median: _median, min: _min, max: _max, ...details }: Ratio): string {
  return [`${of} / ${to}`, ...Object.entries(details).map(([key, value]) => `${key} ${String(value)}`)].join(
    ', ',
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
