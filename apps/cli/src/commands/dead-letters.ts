import { letterCauses } from '@talaria/contracts';
import { databaseSettings, sqlOf } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';
import {
  beginRedrive,
  continueRedrive,
  type Correction,
  discard,
  giveUpRedrive,
  type LetterFilter,
  letterStates,
  type LettersPage,
  letterTopics,
  listLetters,
  type Redrive,
  type RedriveOrder,
  redriveTopics,
  showLetter,
  tryDiscard,
  tryRedrive,
} from '@talaria/operations';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { byOption, campaignId, metaId, notBlank, rowId, rowIds, timeOf, timeToCome, whole } from '../flags';
import { fieldsText, printable } from '../output/fields';
import { startProgress } from '../output/progress';
import { showTable } from '../output/table';
import { whoami } from '../whoami';
import { dryRunOption, newNoun, newVerb } from '../verb';
import { causesText, countedText, leftOutLines } from './dead-letters.text';

export function deadLettersCommand(context: Context): Command {
  return newNoun('dead-letters', 'what could not be processed')
    .addCommand(listVerb(context))
    .addCommand(showVerb(context))
    .addCommand(redriveVerb(context))
    .addCommand(discardVerb(context));
}

const MOST = { perSecond: 10_000, limit: 1000 };
const DEFAULT_PER_SECOND = 50;
const DEFAULT_LIMIT = 50;

const filterFlags = {
  topic: new Option('--topic <topic>', 'of commands, or of webhooks and events').choices(
    Object.keys(letterTopics),
  ),
  cause: new Option('--cause <cause>', 'why it was given up').choices(letterCauses),
  code: new Option('--code <n>', "Meta's code").argParser(whole(0, 2 ** 31 - 1)),
  waba: new Option('--waba <id>', 'of this account').argParser(metaId),
  number: new Option('--number <id>', 'of this number, by its phone number id').argParser(metaId),
  campaign: new Option('--campaign <id>', 'of this campaign').argParser(campaignId),
  since: new Option('--since <time>', 'given up then or later').argParser(timeOf),
  until: new Option('--until <time>', 'given up before').argParser(timeOf),
} as const satisfies Record<keyof Omit<LetterFilter, 'ids'>, Option>;

type FilterFlags = Omit<LetterFilter, 'ids'>;
type DecisionFlags = FilterFlags & {
  readonly all?: true;
  readonly reason?: string;
  readonly by?: string;
  readonly dryRun?: true;
};

const FILTER_HELP =
  'All flags of the filter that are given must apply. Times are like 2026-01-31 or 2026-01-31T12:00:00Z.';

function withFilter(verb: Command): Command {
  for (const option of Object.values(filterFlags)) verb.addOption(option);
  return verb;
}

function filterOf(flags: FilterFlags, ids: readonly number[]): LetterFilter {
  const named = Object.keys(filterFlags).flatMap((name) => {
    const value = flags[name as keyof FilterFlags];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...(ids.length > 0 && { ids }), ...Object.fromEntries(named) };
}

/** What changes something names what it is about: nobody means everything by forgetting a word. */
function decidedFilter(flags: DecisionFlags, ids: readonly number[]): LetterFilter {
  const filter = filterOf(flags, ids);
  const isNamed = Object.keys(filter).length > 0;
  if (isNamed && flags.all === true) throw new UsageError('--all and a filter exclude each other');
  if (!isNamed && flags.all !== true)
    throw new UsageError('name which are meant: by a filter, by ids, or by --all');
  return filter;
}

function signatureOf({ reason, by }: DecisionFlags) {
  if (reason === undefined) throw new UsageError('--reason is missing: why, for whoever asks later');
  return { reason, by: by ?? whoami() };
}

function listVerb(context: Context): Command {
  const verb = newVerb('list', {
    summary: 'dead letters, newest first, page by page',
    more: FILTER_HELP,
    examples: [
      'talaria dead-letters list --cause permanent --code 131047',
      'talaria dead-letters list --waba 1000 --since 2026-01-31 --until 2026-02-01',
      'talaria dead-letters list --campaign spring-sale --after 4711',
    ],
  });
  return withFilter(verb)
    .addOption(
      new Option('--state <state>', 'what was decided about them')
        .choices([...letterStates, 'all'])
        .default('open'),
    )
    .addOption(
      new Option('--limit <n>', 'how many at a time').argParser(whole(1, MOST.limit)).default(DEFAULT_LIMIT),
    )
    .addOption(new Option('--after <id>', 'the page behind this letter').argParser(rowId))
    .action(async (flags: ListFlags) => {
      const { state, limit, after } = flags;
      const states = state === 'all' ? letterStates : [state];
      const sql = sqlOf(await context.dataSource());
      const page = await listLetters(sql, { filter: filterOf(flags, []), states, limit, after });
      context.answer(page, () => pageText(context, page));
    });
}

type ListFlags = FilterFlags & {
  readonly state: (typeof letterStates)[number] | 'all';
  readonly limit: number;
  readonly after?: number;
};

function pageText(context: Context, { letters, next }: LettersPage): string {
  if (letters.length === 0) return 'There are none.';
  const head = [
    'id',
    'given up at',
    'state',
    'cause',
    'code',
    'attempts',
    'number',
    'command',
    'what was wrong',
  ];
  const rows = letters.map((one) => [
    ...[one.id, one.deadAt, one.state, one.cause, one.code ?? '-', one.attempts ?? '-'],
    ...[one.phoneNumberId ?? '-', one.commandId ?? '-', printable(one.message ?? '')],
  ]);
  return [showTable(context, head, rows), ...(next === undefined ? [] : [`More: --after ${next}`])].join(
    '\n',
  );
}

const showVerb = (context: Context) =>
  newVerb('show', {
    summary: 'all that is known of one',
    examples: ['talaria dead-letters show 4711', 'talaria dead-letters show 4711 --body'],
  })
    .argument('<id>', 'as list shows it', rowId)
    .option('--body', "its text and phones too, and the publisher's own headers")
    .action(async (id: number, { body = false }: { body?: boolean }) => {
      const letter = await showLetter(sqlOf(await context.dataSource()), id, body);
      context.answer(letter, () => fieldsText(letter));
    });

type RedriveFlags = DecisionFlags & {
  readonly rate?: number;
  readonly correct?: Correction;
  readonly expiresAt?: string;
  readonly continue?: number;
  readonly abandon?: number;
};

function redriveVerb(context: Context): Command {
  const others = [...Object.keys(filterFlags), 'all', 'reason', 'by', 'dryRun', 'correct', 'expiresAt'];
  const verb = newVerb('redrive', {
    summary: 'sends dead letters again',
    more: `Unchanged or corrected, at a rate; what was accepted meanwhile is not sent again. ${FILTER_HELP}`,
    examples: [
      'talaria dead-letters redrive --cause exhausted --since 2026-01-31 --dry-run',
      'talaria dead-letters redrive --cause exhausted --since 2026-01-31 --rate 20 --reason "Meta was down"',
      'talaria dead-letters redrive 4711 --correct \'{"to":"+15550001111"}\' --reason "typing error of the shop"',
      'talaria dead-letters redrive --continue 7',
    ],
  });
  return withFilter(verb)
    .argument('[ids...]', 'letters, as list shows them', rowIds)
    .option('--all', 'every open one')
    .addOption(new Option('--reason <text>', 'why, for whoever asks later').argParser(notBlank))
    .addOption(byOption())
    .addOption(
      new Option('--rate <n>', `so many a second (default: ${DEFAULT_PER_SECOND})`).argParser(
        whole(1, MOST.perSecond),
      ),
    )
    .addOption(
      new Option('--correct <patch>', 'a JSON merge patch of each command; id and wabaId stay').argParser(
        patchOf,
      ),
    )
    .addOption(new Option('--expires-at <time>', 'a new time to expire').argParser(timeToCome))
    .addOption(dryRunOption())
    .addOption(
      new Option('--continue <redrive>', 'goes on where a re-drive was interrupted')
        .argParser(rowId)
        .conflicts([...others, 'abandon']),
    )
    .addOption(
      new Option('--abandon <redrive>', 'ends one that was interrupted: what it has not sent is open again')
        .argParser(rowId)
        .conflicts([...others, 'rate']),
    )
    .action(async (ids: readonly number[] | undefined, flags: RedriveFlags) => {
      await redrive(context, ids ?? [], flags);
    });
}

async function redrive(context: Context, ids: readonly number[], flags: RedriveFlags): Promise<void> {
  const interrupted = flags.continue ?? flags.abandon;
  if (interrupted !== undefined && ids.length > 0)
    throw new UsageError('--continue and --abandon take their own letters, and no ids of others');
  if (flags.abandon !== undefined) {
    const id = flags.abandon;
    const reopened = await giveUpRedrive(id, await context.dataSource(0));
    context.answer({ id, reopened }, () => `Re-drive ${id} is over; ${reopened} letters are open again.`);
    return;
  }
  if (flags.continue !== undefined) {
    const around = await surroundingsOf(context);
    tellEnd(context, await continueRedrive(flags.continue, flags.rate, around).finally(around.endProgress));
    return;
  }
  const order: RedriveOrder = {
    filter: decidedFilter(flags, ids),
    perSecond: flags.rate ?? DEFAULT_PER_SECOND,
    correction:
      flags.expiresAt === undefined ? flags.correct : { ...flags.correct, expiresAt: flags.expiresAt },
  };
  if (flags.dryRun === true) {
    const counted = await tryRedrive(await context.dataSource(0), order);
    context.answer(counted, () => countedText(counted));
    if (counted.letters === 0) context.exitWith(exitCodes.notFound);
    return;
  }
  const signature = signatureOf(flags);
  const around = await surroundingsOf(context);
  tellEnd(context, await beginRedrive(order, signature, around).finally(around.endProgress));
}

/** Connected before anything is marked. */
async function surroundingsOf(context: Context) {
  context.settings({ ...databaseSettings, ...kafkaSettings });
  const signal = context.interrupt();
  const dataSource = await context.dataSource(0);
  const producer = await context.producer(redriveTopics);
  let progress: ReturnType<typeof startProgress> | undefined;
  return {
    ...{ dataSource, producer, signal },
    onBegun({ id, letters, sent, refused, perSecond }: Redrive, leftOut: Parameters<typeof leftOutLines>[0]) {
      for (const line of leftOutLines(leftOut)) context.say(line);
      context.say(`Re-drive ${id}: ${letters - sent - refused} letters, ${perSecond} a second.`);
      progress = startProgress(context, 'letters', sent + refused);
    },
    onProgress: ({ sent, refused, letters }: Redrive) => progress?.at(sent + refused, letters),
    endProgress: () => progress?.end(),
  };
}

function tellEnd(context: Context, { id, state, letters, causes, sent, refused }: Redrive): void {
  context.answer({ id, state, letters, causes, sent, refused }, () => {
    if (state !== 'finished')
      return `Re-drive ${id} was interrupted: ${sent} of ${letters} are sent. Go on with: talaria dead-letters redrive --continue ${id}`;
    const rest = refused === 0 ? '' : ` Kafka refuses ${refused} for their size: they are open again.`;
    return `Re-drive ${id} is finished: ${sent} letters are sent.${rest}`;
  });
  if (state !== 'finished' || refused > 0) context.exitWith(exitCodes.failed);
}

function discardVerb(context: Context): Command {
  const verb = newVerb('discard', {
    summary: 'takes dead letters off the list, and sends nothing',
    more: FILTER_HELP,
    examples: [
      'talaria dead-letters discard --campaign spring-sale --dry-run',
      'talaria dead-letters discard --campaign spring-sale --reason "the sale is over"',
    ],
  });
  return withFilter(verb)
    .argument('[ids...]', 'letters, as list shows them', rowIds)
    .option('--all', 'every open one')
    .addOption(new Option('--reason <text>', 'why, for whoever asks later').argParser(notBlank))
    .addOption(byOption())
    .addOption(dryRunOption())
    .action(async (ids: readonly number[] | undefined, flags: DecisionFlags) => {
      const filter = decidedFilter(flags, ids ?? []);
      if (flags.dryRun === true) {
        const causes = await tryDiscard(await context.dataSource(0), filter);
        const letters = Object.values(causes).reduce((sum, one) => sum + one, 0);
        context.answer({ letters, causes }, () => causesText('Would discard', causes));
        if (letters === 0) context.exitWith(exitCodes.notFound);
        return;
      }
      const signature = signatureOf(flags);
      const done = await discard(await context.dataSource(0), filter, signature);
      context.answer(done, () => causesText(`Discarded, as number ${done.id}`, done.causes));
    });
}

function patchOf(text: string): Correction {
  let patch: unknown;
  try {
    patch = JSON.parse(text);
  } catch {
    patch = undefined;
  }
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch) || Object.keys(patch).length === 0)
    throw new InvalidArgumentError(
      `It must be a JSON object that changes something, like '{"to":"+15550001111"}'.`,
    );
  for (const field of ['id', 'wabaId'])
    if (Object.hasOwn(patch, field))
      throw new InvalidArgumentError(
        `It cannot change ${field}: that would be another command, to be published by itself.`,
      );
  return patch as Correction;
}
