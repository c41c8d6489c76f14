import { parseArgs } from 'node:util';
import { UsageError } from '../setup/run-tool';

export type ProjectionsArguments = { readonly json: boolean } & (
  | { readonly verb: 'help' }
  | { readonly verb: 'rollback' }
  | { readonly verb: 'status'; readonly watch: boolean }
  | { readonly verb: 'rebuild'; readonly detach: boolean }
  /** Without a version: the one that is being built, else the last that was live. */
  | { readonly verb: 'promote'; readonly version?: number }
  | { readonly verb: 'drop'; readonly version: number }
  /** Without a version: the live one. */
  | { readonly verb: 'checksum'; readonly version?: number }
  /** Without versions: the live one and the newest other. */
  | { readonly verb: 'compare'; readonly versions?: readonly [number, number] }
  | { readonly verb: 'retain'; readonly months: number; readonly drop: boolean; readonly dryRun: boolean }
);

export const usage = `usage: npm run projections -- <verb> [--json]
  status [--watch]             every version of the read model: state, records, lag, rate, time left
  rebuild [--detach]           begins a new version beside the live one, or shows how far the one begun is, until it has caught up
  compare [A B]                counts and checksums of every table of two versions, with keys of rows that differ; exit code 1 if any does
  checksum [--version N]       the same of one version
  promote [N]                  lets readers see version N, by default the one being built, and events be told from it
  rollback                     the same with the version that was live before
  drop N                       removes a version that is not live
  retain --months N [--drop] [--dry-run]
                               keeps this month and the N before it; older ones are detached, with --drop removed

DATABASE_URL names the database. With KAFKA_BROKERS, status also tells the lag to the end of the log, and drop removes the consumer group.

  npm run projections -- rebuild && npm run projections -- compare && npm run projections -- promote
  npm run projections -- retain --months 24 --dry-run`;

/** @throws {UsageError} */
export function readArguments(args: readonly string[]): ProjectionsArguments {
  const { values, positionals } = parse(args);
  const [verb, ...numbers] = positionals;
  const { json, ...flags } = values;
  if (flags.help === true) return { verb: 'help', json: false };
  const allow = (...allowed: (keyof typeof flags)[]) => {
    const other = (Object.keys(flags) as (keyof typeof flags)[]).find((flag) => !allowed.includes(flag));
    if (other !== undefined) throw new UsageError(`${String(verb)} has no --${other}\n${usage}`);
  };
  const take = (least: number, most = least) => {
    if (numbers.length < least || numbers.length > most) throw new UsageError(usage);
    return numbers.map((text) => wholeNumber('a version', text));
  };
  switch (verb) {
    case 'status':
      allow('watch');
      take(0);
      return { verb, json, watch: flags.watch ?? false };
    case 'rebuild':
      allow('detach');
      take(0);
      return { verb, json, detach: flags.detach ?? false };
    case 'rollback':
      allow();
      take(0);
      return { verb, json };
    case 'promote': {
      allow();
      const [version] = take(0, 1);
      return { verb, json, ...(version !== undefined && { version }) };
    }
    case 'drop': {
      allow();
      const [version = 0] = take(1);
      return { verb, json, version };
    }
    case 'checksum':
      allow('version');
      take(0);
      return {
        verb,
        json,
        ...(flags.version !== undefined && { version: wholeNumber('--version', flags.version) }),
      };
    case 'compare': {
      allow();
      const [one, other] = take(0, 2);
      if ((one === undefined) !== (other === undefined)) throw new UsageError(usage);
      return { verb, json, ...(one !== undefined && other !== undefined && { versions: [one, other] }) };
    }
    case 'retain':
      allow('months', 'drop', 'dry-run');
      take(0);
      if (flags.months === undefined) throw new UsageError(`retain needs --months\n${usage}`);
      return {
        verb,
        json,
        months: wholeNumber('--months', flags.months),
        drop: flags.drop ?? false,
        dryRun: flags['dry-run'] ?? false,
      };
    default:
      throw new UsageError(usage);
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean' },
        watch: { type: 'boolean' },
        detach: { type: 'boolean' },
        drop: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        months: { type: 'string' },
        version: { type: 'string' },
      },
    });
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}`, { cause });
  }
}

function wholeNumber(what: string, text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text))
    throw new UsageError(`${what} must be a whole number from 1 on, not ${text}\n${usage}`);
  return Number(text);
}
