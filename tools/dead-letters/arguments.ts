import { parseArgs } from 'node:util';
import { letterCauses } from '../../apps/processor/src/dead-letters/read-letter';
import { UsageError } from '../setup/run-tool';
import { type LetterFilter, type LetterState, letterStates } from './filter';
import { type Correction } from './correct-command';

export type RedriveOrder = {
  readonly filter: LetterFilter;
  readonly perSecond: number;
  readonly correction: Correction | undefined;
};

/** Why a person decides something, and who; undefined: whoever runs the program. */
export type Signature = { readonly reason: string; readonly by: string | undefined };

export type DeadLettersArguments = { readonly json: boolean } & (
  | { readonly verb: 'help' }
  | {
      readonly verb: 'list';
      readonly filter: LetterFilter;
      readonly states: readonly LetterState[];
      readonly limit: number;
      /** The letter after which the page begins. */
      readonly after: number | undefined;
    }
  | { readonly verb: 'show'; readonly id: number; readonly body: boolean }
  | { readonly verb: 'redrive'; readonly what: 'try'; readonly order: RedriveOrder }
  | ({ readonly verb: 'redrive'; readonly what: 'begin'; readonly order: RedriveOrder } & Signature)
  /** Without a rate: the one it had. */
  | {
      readonly verb: 'redrive';
      readonly what: 'continue';
      readonly id: number;
      readonly perSecond: number | undefined;
    }
  | { readonly verb: 'redrive'; readonly what: 'abandon'; readonly id: number }
  | { readonly verb: 'discard'; readonly what: 'try'; readonly filter: LetterFilter }
  | ({ readonly verb: 'discard'; readonly what: 'begin'; readonly filter: LetterFilter } & Signature)
);

const DEFAULT_PER_SECOND = 50;
const DEFAULT_LIMIT = 50;
const MOST = { perSecond: 10_000, limit: 1000 };

export const usage = `usage: npm run dead-letters -- <verb> [--json]
  list [FILTER] [--state open|redriven|discarded|all] [--limit N] [--after ID]
                               dead letters, newest first, ${DEFAULT_LIMIT} at a time; by default those that nobody has decided about
  show ID [--body]             all that is known of one; its text and phones only with --body
  redrive FILTER|ID…|--all --reason TEXT [--rate N] [--by NAME] [--correct PATCH] [--expires-at TIME]
                               sends them again, N a second (${DEFAULT_PER_SECOND}), unchanged or corrected; what was accepted meanwhile is not sent again
  redrive … --dry-run          counts, by cause, what that would send
  redrive --continue ID [--rate N]
                               goes on where a re-drive was interrupted
  redrive --abandon ID         ends one that was interrupted: what it has not sent is open again
  discard FILTER|ID…|--all --reason TEXT [--by NAME] [--dry-run]
                               takes them off the list, and sends nothing

FILTER, all of which must apply:
  --cause C   ${letterCauses.join(', ')}
  --code N    Meta's
  --waba ID   --number ID   --campaign ID   --topic outbound|webhooks
  --since TIME   --until TIME  when it was given up, like 2026-01-31 or 2026-01-31T12:00:00Z
PATCH is a JSON merge patch (RFC 7396) of the command, like '{"to":"+15550001111"}'; id and wabaId stay.

DATABASE_URL names the database, KAFKA_BROKERS (and KAFKA_PREFIX) where redrive sends.

  npm run dead-letters -- list --cause permanent --code 131047
  npm run dead-letters -- redrive --cause exhausted --since 2026-01-31 --dry-run
  npm run dead-letters -- redrive --cause exhausted --since 2026-01-31 --rate 20 --reason "Meta was down"`;

type Values = ReturnType<typeof parse>['values'];

/** @throws {UsageError} */
export function readArguments(args: readonly string[], now: number): DeadLettersArguments {
  const { values, positionals } = parse(args);
  const [verb, ...words] = positionals;
  const { json = false } = values;
  if (values.help === true) return { verb: 'help', json: false };
  switch (verb) {
    case 'list': {
      allow(verb, values, [...filterFlags, 'state', 'limit', 'after']);
      if (words.length > 0) throw wrong('list takes no ids: show tells of one');
      return {
        ...{ verb, json, filter: filterOf(values, []), states: statesOf(values.state) },
        limit: whole('--limit', values.limit ?? String(DEFAULT_LIMIT), MOST.limit),
        after: values.after === undefined ? undefined : idOf('--after', values.after),
      };
    }
    case 'show': {
      allow(verb, values, ['body']);
      const [id] = words;
      if (id === undefined || words.length > 1) throw wrong('show takes one id');
      return { verb, json, id: idOf('an id', id), body: values.body ?? false };
    }
    case 'redrive':
      return { json, ...redriveOf(values, words, now) };
    case 'discard': {
      allow(verb, values, [...filterFlags, 'all', 'reason', 'by', 'dry-run']);
      const filter = decidedFilter(verb, values, words);
      if (values['dry-run'] === true) return { verb, json, what: 'try', filter };
      return { verb, json, what: 'begin', filter, ...signatureOf(verb, values) };
    }
    default:
      throw new UsageError(usage);
  }
}

function redriveOf(values: Values, words: readonly string[], now: number) {
  const verb = 'redrive';
  for (const what of ['continue', 'abandon'] as const) {
    const id = values[what];
    if (id === undefined) continue;
    if (words.length > 0) throw wrong(`redrive --${what} takes its own letters, and no ids of others`);
    allow(`redrive --${what}`, values, what === 'continue' ? [what, 'rate'] : [what]);
    if (what === 'abandon') return { verb, what, id: idOf('--abandon', id) } as const;
    const perSecond = values.rate === undefined ? undefined : rateOf(values.rate);
    return { verb, what, id: idOf('--continue', id), perSecond } as const;
  }
  const flags = ['all', 'reason', 'by', 'dry-run', 'rate', 'correct', 'expires-at'] as const;
  allow(verb, values, [...filterFlags, ...flags]);
  const order = {
    filter: decidedFilter(verb, values, words),
    perSecond: rateOf(values.rate ?? String(DEFAULT_PER_SECOND)),
    correction: correctionOf(values, now),
  };
  if (values['dry-run'] === true) return { verb, what: 'try', order } as const;
  return { verb, what: 'begin', order, ...signatureOf(verb, values) } as const;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...{ json: flag, help: flag, body: flag, all: flag, 'dry-run': flag },
        ...{ topic: text, cause: text, code: text, waba: text, number: text, campaign: text, since: text },
        ...{ until: text, state: text, limit: text, after: text, reason: text, by: text, rate: text },
        ...{ correct: text, 'expires-at': text, continue: text, abandon: text },
      },
    });
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause));
  }
}

const filterFlags = [
  'topic',
  'cause',
  'code',
  'waba',
  'number',
  'campaign',
  'since',
  'until',
] as const satisfies (keyof Values)[];

function allow(verb: string, values: Values, allowed: readonly (keyof Values)[]): void {
  const given = Object.keys(values) as (keyof Values)[];
  const other = given.find((flag) => flag !== 'json' && !allowed.includes(flag));
  if (other !== undefined) throw wrong(`${verb} has no --${other}`);
}

function filterOf(values: Values, words: readonly string[]): LetterFilter {
  const { topic, cause, code, waba, number, campaign, since, until } = values;
  return {
    ...(words.length > 0 && { ids: words.map((word) => idOf('an id', word)) }),
    ...(topic !== undefined && { topic: oneOf('--topic', topic, ['outbound', 'webhooks'] as const) }),
    ...(cause !== undefined && { cause: oneOf('--cause', cause, letterCauses) }),
    ...(code !== undefined && { code: whole('--code', code, 2 ** 31 - 1, 0) }),
    ...(waba !== undefined && { waba: matching('--waba', waba, /^[0-9]{1,32}$/, 'an id of digits') }),
    ...(number !== undefined && { number: matching('--number', number, /^[0-9]{1,32}$/, 'an id of digits') }),
    ...(campaign !== undefined && {
      campaign: matching('--campaign', campaign, /^[A-Za-z0-9._:-]{1,128}$/, 'a campaign id'),
    }),
    ...(since !== undefined && { since: timeOf('--since', since) }),
    ...(until !== undefined && { until: timeOf('--until', until) }),
  };
}

/** What changes something names what it is about: nobody means everything by forgetting a word. */
function decidedFilter(verb: string, values: Values, words: readonly string[]): LetterFilter {
  const filter = filterOf(values, words);
  const isNamed = Object.keys(filter).length > 0;
  if (isNamed && values.all === true) throw wrong('--all and a filter exclude each other');
  if (!isNamed && values.all !== true) throw wrong(`${verb} needs a filter, ids, or --all`);
  return filter;
}

function statesOf(state = 'open'): readonly LetterState[] {
  return state === 'all' ? letterStates : [oneOf('--state', state, letterStates)];
}

function signatureOf(verb: string, { reason, by }: Values): Signature {
  if (reason === undefined || reason.trim() === '')
    throw wrong(`${verb} needs --reason: why, for whoever asks later`);
  if (by?.trim() === '') throw wrong('--by must be a name');
  return { reason, by };
}

function correctionOf(values: Values, now: number): Correction | undefined {
  const patch = values.correct === undefined ? {} : patchOf(values.correct);
  const expiresAt = values['expires-at'];
  if (expiresAt !== undefined) return { ...patch, expiresAt: expiryOf(expiresAt, now) };
  return values.correct === undefined ? undefined : patch;
}

function patchOf(text: string): Correction {
  let patch: unknown;
  try {
    patch = JSON.parse(text);
  } catch {
    patch = undefined;
  }
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch) || Object.keys(patch).length === 0)
    throw wrong(`--correct must be a JSON object that changes something, like '{"to":"+15550001111"}'`);
  for (const field of ['id', 'wabaId'])
    if (Object.hasOwn(patch, field))
      throw wrong(
        `--correct cannot change ${field}: that would be another command, to be published by itself`,
      );
  return patch as Correction;
}

function expiryOf(text: string, now: number): string {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
  const at = form.test(text) ? Date.parse(text) : NaN;
  if (!(at > now))
    throw wrong('--expires-at must be a time to come, with its offset, like 2030-01-31T12:00:00Z');
  return text;
}

function timeOf(what: string, text: string): string {
  const form = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
  const at = form.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw wrong(`${what} must be like 2026-01-31 or 2026-01-31T12:00:00Z, not ${text}`);
  return new Date(at).toISOString();
}

const rateOf = (text: string) => whole('--rate', text, MOST.perSecond);

const idOf = (what: string, text: string) => whole(what, text, Number.MAX_SAFE_INTEGER);

function whole(what: string, text: string, most: number, least = 1): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!(number >= least && number <= most))
    throw wrong(`${what} must be a whole number from ${least} to ${most}, not ${text}`);
  return number;
}

function oneOf<T extends string>(what: string, text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found === undefined) throw wrong(`${what} must be one of ${known.join(', ')}, not ${text}`);
  return found;
}

function matching(what: string, text: string, form: RegExp, words: string): string {
  if (!form.test(text)) throw wrong(`${what} must be ${words}`);
  return text;
}

const wrong = (problem: string) => new UsageError(`${problem}\n${usage}`);
