import { parseArgs } from 'node:util';
import { UsageError } from '../setup/run-tool';

/** A case of the benchmark, as far as the command line goes. */
export type CaseParts = {
  readonly summary: string;
  readonly parts: readonly string[];
  /** Those that run when none is named. */
  readonly usualParts: readonly string[];
};

export type BenchOptions = {
  readonly case: string;
  readonly parts: readonly string[];
  readonly json: boolean;
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
  'usage: npm run bench -- [<case> [--json] [--only <part,…> | --long] [--rounds N] [--seconds N] [--minutes N] [--outage-seconds N] ' +
  '[--records N] [--messages N] [--explain]]';

const options = {
  json: { type: 'boolean' },
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
 * @returns undefined when no case is named, which asks for their list
 * @throws {UsageError}
 */
export function readArguments(
  args: readonly string[],
  cases: Readonly<Record<string, CaseParts>>,
): BenchOptions | undefined {
  const { values, positionals } = parse(args);
  const [name, ...rest] = positionals;
  if (name === undefined && args.length === 0) return undefined;
  const found = name !== undefined && Object.hasOwn(cases, name) ? cases[name] : undefined;
  if (name === undefined || found === undefined || rest.length > 0)
    throw wrong(`one of these cases must be named: ${Object.keys(cases).join(', ')}`);
  return {
    case: name,
    parts: partsOf(found, values.only, values.long === true),
    json: values.json === true,
    rounds: whole('rounds', values.rounds, 3),
    seconds: optional('seconds', values.seconds, 9999),
    minutes: whole('minutes', values.minutes, 10),
    outageSeconds: whole('outage-seconds', values['outage-seconds'], 120),
    records: optional('records', values.records, MANY),
    messages: optional('messages', values.messages, MANY),
    explain: values.explain === true,
  };
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
