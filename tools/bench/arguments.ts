import { parseArgs } from 'node:util';
import { UsageError } from '../setup/run-tool';

/** A case of the benchmark, as far as the command line goes. */
export type CaseParts = {
  readonly summary: string;
  readonly parts: readonly string[];
  /** Those that run when none is named. */
  readonly usualParts: readonly string[];
  /** How many rounds there are when nobody says; undefined: three. */
  readonly usualRounds?: number | undefined;
};

export type BenchOptions = {
  readonly case: string;
  readonly parts: readonly string[];
  readonly format: 'text' | 'json' | 'markdown';
  readonly rounds: number;
  /** How long each round measures, in seconds; undefined: as long as the part needs. */
  readonly seconds: number | undefined;
  /** How long the long parts take. */
  readonly minutes: number;
  readonly outageSeconds: number;
  /** How many records are projected; undefined: as many as the part needs. */
  readonly records: number | undefined;
  /** How many messages are there already, or are sent; undefined: as many as the part needs. */
  readonly messages: number | undefined;
  /** Whether the page of the read model's questions is written anew. */
  readonly explain: boolean;
};

const usage =
  'usage: npm run bench -- --list | [<case> [--only <part,…>]] [--json | --markdown] [--long] [--rounds N] [--seconds N] [--minutes N] ' +
  '[--outage-seconds N] [--records N] [--messages N] [--explain]';

const options = {
  list: { type: 'boolean' },
  json: { type: 'boolean' },
  markdown: { type: 'boolean' },
  only: { type: 'string' },
  long: { type: 'boolean' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  minutes: { type: 'string' },
  'outage-seconds': { type: 'string' },
  records: { type: 'string' },
  messages: { type: 'string' },
  explain: { type: 'boolean' },
} as const;

/**
 * @returns what is to be run, one after the other: the case that is named, or every case; undefined when their list is asked for
 * @throws {UsageError}
 */
export function readArguments(
  args: readonly string[],
  cases: Readonly<Record<string, CaseParts>>,
): readonly BenchOptions[] | undefined {
  const { values, positionals } = parse(args);
  if (values.list === true) {
    if (args.length > 1) throw wrong('--list stands alone');
    return undefined;
  }
  if (values.json === true && values.markdown === true)
    throw wrong('--json and --markdown exclude each other');
  if (positionals.length === 0 && values.only !== undefined) throw wrong('--only needs a case');
  return namedCases(positionals, cases).map(([name, found]) => ({
    case: name,
    parts: partsOf(found, values.only, values.long === true),
    format: values.json === true ? 'json' : values.markdown === true ? 'markdown' : 'text',
    rounds: whole('rounds', values.rounds, found.usualRounds ?? 3),
    seconds: optional('seconds', values.seconds, 9999),
    minutes: whole('minutes', values.minutes, 10),
    outageSeconds: whole('outage-seconds', values['outage-seconds'], 120),
    records: optional('records', values.records, MANY),
    messages: optional('messages', values.messages, MANY),
    explain: values.explain === true,
  }));
}

function namedCases(named: readonly string[], cases: Readonly<Record<string, CaseParts>>) {
  const all = Object.entries(cases);
  if (named.length === 0) return all;
  const found = all.filter(([name]) => name === named[0]);
  if (found.length === 0 || named.length > 1)
    throw wrong(`one of these cases may be named: ${Object.keys(cases).join(', ')}`);
  return found;
}

/** The cases and their parts, for a person. */
export function listCases(cases: Readonly<Record<string, CaseParts>>): string {
  const lines = Object.entries(cases).map(
    ([name, { summary, parts, usualParts }]) =>
      `  ${name}  ${summary}\n    parts: ${parts.join(', ')}; without --only or --long: ${usualParts.join(', ')}`,
  );
  return [...lines, usage].join('\n');
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
}

function partsOf({ parts, usualParts }: CaseParts, only: string | undefined, long: boolean) {
  if (only !== undefined && long) throw wrong('--only and --long exclude each other');
  if (only === undefined) return long ? parts : usualParts;
  const named = only.split(',');
  const unknown = named.filter((one) => !parts.includes(one));
  if (unknown.length > 0) throw wrong(`--only takes ${parts.join(', ')}, not ${unknown.join(', ')}`);
  return parts.filter((one) => named.includes(one));
}

const MANY = 100_000_000;

const optional = (name: string, text: string | undefined, most: number) =>
  text === undefined ? undefined : whole(name, text, 0, most);

function whole(name: string, text: string | undefined, otherwise: number, most = 9999): number {
  if (text === undefined) return otherwise;
  const value = /^[1-9]\d*$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw wrong(`--${name} must be a whole number from 1 to ${most}`);
  return value;
}

const wrong = (problem: string) => new UsageError(`${problem}\n${usage}`);
