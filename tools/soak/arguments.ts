import { parseArgs } from 'node:util';
import { UsageError } from '../setup/run-tool';

export type SoakArguments = {
  /** How long commands are published; what is on its way is waited for afterwards. */
  readonly minutes: number;
  /** Undefined: any. */
  readonly seed: number | undefined;
  /** One JSON line instead of one for a person. */
  readonly json: boolean;
};

const usage = 'usage: npm run soak -- [--minutes M] [--seed S] [--json]';
const MAX_SEED = 2 ** 32 - 1;

/** @throws {UsageError} */
export function readArguments(args: readonly string[]): SoakArguments {
  const { minutes = '2', seed, json = false } = parse(args);
  const length = /^\d{1,4}(\.\d{1,3})?$/.test(minutes) ? Number(minutes) : 0;
  if (length < 0.5 || length > 1440) throw wrong('--minutes must be a number from 0.5 to 1440');
  if (seed === undefined) return { minutes: length, seed: undefined, json };
  const start = /^\d{1,10}$/.test(seed) ? Number(seed) : Infinity;
  if (start > MAX_SEED) throw wrong(`--seed must be a whole number from 0 to ${MAX_SEED}`);
  return { minutes: length, seed: start, json };
}

function parse(args: readonly string[]) {
  const options = {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
}

const wrong = (problem: string) => new UsageError(`${problem}\n${usage}`);
