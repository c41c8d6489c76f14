import { parseArgs } from 'node:util';
import { UsageError } from '../setup/run-tool';
import { type Defect, defectNames } from './defects/defects';
import { type TrackName, trackNames } from './nemesis/plan';

export type ChaosArguments = {
  /** How long commands are published; what is on its way is waited for afterwards. */
  readonly minutes: number;
  /** Undefined: any. */
  readonly seed: number | undefined;
  /** What goes wrong beside each other; of one alone, how soon the platform recovers is that track's own. */
  readonly tracks: readonly TrackName[];
  /** A known defect that the platform is given; undefined: none. */
  readonly defect: Defect | undefined;
  /** One JSON line instead of one for a person. */
  readonly json: boolean;
};

const usage = `usage: npm run chaos -- [--minutes M] [--seed S] [--tracks ${trackNames.join(',')}] [--defect ${defectNames.join('|')}] [--json]`;
const MAX_SEED = 2 ** 32 - 1;

/** @throws {UsageError} */
export function readArguments(args: readonly string[]): ChaosArguments {
  const { minutes = '2', seed, tracks, defect, json = false } = parse(args);
  return {
    ...{ minutes: minutesOf(minutes), seed: seed === undefined ? undefined : seedOf(seed) },
    ...{ tracks: tracks === undefined ? trackNames : tracksOf(tracks) },
    ...{ defect: defect === undefined ? undefined : defectOf(defect), json },
  };
}

function minutesOf(text: string): number {
  const minutes = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (minutes < 0.5 || minutes > 1440) throw wrong('--minutes must be a number from 0.5 to 1440');
  return minutes;
}

function seedOf(text: string): number {
  const seed = /^\d{1,10}$/.test(text) ? Number(text) : Infinity;
  if (seed > MAX_SEED) throw wrong(`--seed must be a whole number from 0 to ${MAX_SEED}`);
  return seed;
}

function tracksOf(text: string): readonly TrackName[] {
  const names = text.split(',');
  const tracks = trackNames.filter((name) => names.includes(name));
  if (tracks.length !== names.length)
    throw wrong(`--tracks must be some of ${trackNames.join(',')}, with commas between and none twice`);
  return tracks;
}

function defectOf(text: string): Defect {
  const defect = defectNames.find((name) => name === text);
  if (defect === undefined) throw wrong(`--defect must be one of ${defectNames.join(', ')}`);
  return defect;
}

function parse(args: readonly string[]) {
  const options = {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    tracks: { type: 'string' },
    defect: { type: 'string' },
    json: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
}

const wrong = (problem: string) => new UsageError(`${problem}\n${usage}`);
