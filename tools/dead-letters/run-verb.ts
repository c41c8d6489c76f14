import { inTransaction, type Sql, sqlOf } from '@talaria/database';
import { type VerifiedProducer } from '@talaria/kafka';
import { type DataSource, type QueryRunner } from 'typeorm';
import { type DeadLettersArguments, type RedriveOrder } from './arguments';
import { type Causes, type Counted, countLetters, type LeftOut } from './count-letters';
import { countOpen, discardLetters } from './discard-letters';
import { listLetters, type Page } from './list-letters';
import { abandonRedrive, type Redrive, readRedrive, runningRedrives, takeLetters } from './redrives';
import { sendRedrive } from './send-redrive';
import { printable, showLetter, shownText } from './show-letter';
import { tableOf } from '../setup/table';

export type Surroundings = {
  readonly dataSource: DataSource;
  /** Connects; whoever calls it closes it. */
  readonly openProducer: () => Promise<VerifiedProducer>;
  /** Who runs the program; throws when nobody knows. */
  readonly whoami: () => string;
  /** Ends a re-drive after what is under way. */
  readonly signal: AbortSignal;
  /** The answer. */
  readonly print: (line: string) => void;
  /** What happens meanwhile. */
  readonly say: (line: string) => void;
};

type Asked<Verb, What = unknown> = Extract<DeadLettersArguments, { verb: Verb; what?: What }>;

const TELL_EVERY_MS = 5000;
const INTERRUPT_MS = 3000;
/** Any number, the same in every process: whoever sends a re-drive holds the lock of this and its id. */
const REDRIVE_LOCK = 7_460_312;

/** @returns the exit code: 0, or 1 when there was nothing to do or not all of it is done */
export async function runVerb(
  asked: Exclude<DeadLettersArguments, { verb: 'help' }>,
  around: Surroundings,
): Promise<number> {
  const { dataSource } = around;
  const answer = (value: unknown, text: string) => around.print(asked.json ? JSON.stringify(value) : text);
  switch (asked.verb) {
    case 'list': {
      const page = await listLetters(sqlOf(dataSource), asked);
      answer(page, pageText(page));
      return 0;
    }
    case 'show': {
      const letter = await showLetter(sqlOf(dataSource), asked.id, asked.body);
      answer(letter, shownText(letter));
      return 0;
    }
    case 'discard':
      return discard(asked, around, answer);
    case 'redrive':
      switch (asked.what) {
        case 'try':
          return tryRedrive(asked.order, around, answer);
        case 'begin':
          return withLock(around, (lock) =>
            withProducer(around, async (producer) =>
              send(await begin(asked, around, lock), producer, around, answer),
            ),
          );
        case 'continue':
          return withLock(around, (lock) =>
            withProducer(around, async (producer) => {
              const redrive = await resume(asked.id, around, lock);
              const { perSecond = redrive.perSecond } = asked;
              return send({ ...redrive, perSecond }, producer, around, answer);
            }),
          );
        case 'abandon':
          return withLock(around, async (lock) => {
            const redrive = await resume(asked.id, around, lock);
            const reopened = await patiently(dataSource, (sql) => abandonRedrive(sql, redrive));
            answer(
              { id: redrive.id, reopened },
              `Re-drive ${redrive.id} is over; ${reopened} letters are open again.`,
            );
            return 0;
          });
      }
  }
}

type Answer = (value: unknown, text: string) => void;

const NOTHING = 'No open dead letter is meant by this.';

async function discard(
  asked: Asked<'discard'>,
  { dataSource, whoami }: Surroundings,
  answer: Answer,
): Promise<number> {
  const { filter } = asked;
  if (asked.what === 'try') {
    const causes = await patiently(dataSource, (sql) => countOpen(sql, filter));
    const letters = sumOf(causes);
    answer({ letters, causes }, letters === 0 ? NOTHING : `Would discard:\n${causesText(causes)}`);
    return letters === 0 ? 1 : 0;
  }
  const by = asked.by ?? whoami();
  const done = await patiently(dataSource, (sql) =>
    discardLetters(sql, filter, { reason: asked.reason, by }),
  );
  if (done === undefined) throw new Error(NOTHING);
  answer(done, `Discarded, as number ${done.id}:\n${causesText(done.causes)}`);
  return 0;
}

async function tryRedrive(
  { filter, correction }: RedriveOrder,
  { dataSource }: Surroundings,
  answer: Answer,
): Promise<number> {
  const renews = correction?.expiresAt !== undefined;
  const counted = await patiently(dataSource, (sql) => countLetters(sql, { filter, renews }));
  answer(counted, countedText(counted));
  return counted.letters === 0 ? 1 : 0;
}

async function begin(
  asked: Asked<'redrive', 'begin'>,
  { dataSource, whoami, say }: Surroundings,
  lock: Lock,
): Promise<Redrive> {
  const { order, reason } = asked;
  const by = asked.by ?? whoami();
  for (const one of await runningRedrives(sqlOf(dataSource))) {
    if (await lock.isHeld(one.id)) continue;
    throw new Error(
      `Re-drive ${one.id} of ${one.by} (${one.reason}) was interrupted: ${one.sent} of ${one.letters} are sent. ` +
        `First go on with it: redrive --continue ${one.id}, or give it up: redrive --abandon ${one.id}`,
    );
  }
  const renews = order.correction?.expiresAt !== undefined;
  const { leftOut } = await patiently(dataSource, (sql) =>
    countLetters(sql, { filter: order.filter, renews }),
  );
  for (const line of leftOutLines(leftOut)) say(line);
  return patiently(dataSource, async (sql) => {
    const redrive = await takeLetters(sql, order, { reason, by });
    if (redrive === undefined) throw new Error(NOTHING);
    // Before anybody sees it: without its lock it would look as if it had been interrupted.
    await lock.take(redrive.id);
    return redrive;
  });
}

/** A re-drive that nobody is at. */
async function resume(id: number, { dataSource }: Surroundings, lock: Lock): Promise<Redrive> {
  await readRedrive(sqlOf(dataSource), id);
  if (!(await lock.take(id)))
    throw new Error(`another process is at re-drive ${id}: end that first (Ctrl-C), or let it go on`);
  // Whoever had it before may have gone on until it gave up the lock.
  const redrive = await readRedrive(sqlOf(dataSource), id);
  if (redrive.state !== 'running') throw new Error(`re-drive ${id} is ${redrive.state} already`);
  return redrive;
}

async function send(
  redrive: Redrive,
  producer: VerifiedProducer,
  { dataSource, signal, say }: Surroundings,
  answer: Answer,
): Promise<number> {
  const { id, letters, perSecond } = redrive;
  const goOn = `Go on with: redrive --continue ${id}`;
  say(`Re-drive ${id}: ${letters - redrive.sent - redrive.refused} letters, ${perSecond} a second.`);
  let toldAt = performance.now();
  const onProgress = ({ sent, refused }: Redrive) => {
    if (performance.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = performance.now();
    say(`${sent + refused} of ${letters}`);
  };
  const done = await sendRedrive({ dataSource, producer, perSecond, signal, onProgress }, redrive).catch(
    (cause: unknown) => {
      const why = producer.fault() ?? (cause instanceof Error ? cause.message : String(cause));
      throw new Error(`Re-drive ${id} was interrupted: ${why}. ${goOn}`, { cause });
    },
  );
  const { sent, refused, state, causes } = done;
  const rest = refused === 0 ? '' : ` Kafka refuses ${refused} for their size: they are open again.`;
  const text =
    state === 'finished'
      ? `Re-drive ${id} is finished: ${sent} letters are sent.${rest}`
      : `Re-drive ${id} was interrupted: ${sent} of ${letters} are sent.${rest} ${goOn}`;
  answer({ id, state, letters, causes, sent, refused }, text);
  return state === 'finished' && refused === 0 ? 0 : 1;
}

/** Connected before anything is marked; while Kafka is away, an interrupt waits for it only so long. */
async function withProducer<T>(
  { openProducer, signal }: Surroundings,
  work: (producer: VerifiedProducer) => Promise<T>,
): Promise<T> {
  const producer = await openProducer();
  signal.addEventListener('abort', () => setTimeout(producer.giveUp, INTERRUPT_MS).unref());
  return work(producer).finally(() => producer.close());
}

type Lock = {
  /** @returns false when another process has it */
  take(id: number): Promise<boolean>;
  isHeld(id: number): Promise<boolean>;
};

/** Locks of a connection of its own, which Postgres gives back when the process ends, however it does. */
async function withLock<T>({ dataSource }: Surroundings, work: (lock: Lock) => Promise<T>): Promise<T> {
  const holder: QueryRunner = dataSource.createQueryRunner();
  const ask = async (call: string, id: number) => {
    const [row] = (await holder.query(`SELECT ${call}($1::integer, $2::integer) AS yes`, [
      REDRIVE_LOCK,
      id,
    ])) as {
      yes: boolean;
    }[];
    return row?.yes === true;
  };
  try {
    return await work({
      take: (id) => ask('pg_try_advisory_lock', id),
      async isHeld(id) {
        if (!(await ask('pg_try_advisory_lock', id))) return true;
        await ask('pg_advisory_unlock', id);
        return false;
      },
    });
  } finally {
    await holder.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    await holder.release();
  }
}

/** Over a million letters a statement may take longer than any other has. */
function patiently<T>(dataSource: DataSource, work: (sql: Sql) => Promise<T>): Promise<T> {
  return inTransaction(dataSource, async (sql) => {
    await sql('SET LOCAL statement_timeout = 0');
    return work(sql);
  });
}

const sumOf = (causes: Causes) => Object.values(causes).reduce((one, other) => one + other, 0);

function causesText(causes: Causes): string {
  return tableOf(['cause', 'letters'], [...Object.entries(causes), ['together', sumOf(causes)]]);
}

function countedText({ letters, causes, leftOut, acceptedMeanwhile }: Counted): string {
  return [
    letters === 0 ? NOTHING : `Would send again:\n${causesText(causes)}`,
    ...leftOutLines(leftOut),
    ...(acceptedMeanwhile === 0
      ? []
      : [`Of these commands ${acceptedMeanwhile} were accepted meanwhile: they become no second message.`]),
  ].join('\n');
}

const leftOutTexts: Readonly<Record<LeftOut, string>> = {
  'no-value':
    'have no value, which was too large for the dead letters: publish them again from where they came',
  expired: 'have expired, and would expire again: give them another time with --expires-at',
  ambiguous:
    'are ambiguous, and may have been sent: name them by --cause ambiguous or by id to send them again all the same',
};

function leftOutLines(leftOut: Counted['leftOut']): string[] {
  return (Object.entries(leftOut) as [LeftOut, number][]).map(
    ([reason, count]) => `Left out: ${count} ${leftOutTexts[reason]}`,
  );
}

function pageText({ letters, next }: Page): string {
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
  return [tableOf(head, rows), ...(next === undefined ? [] : [`More: --after ${next}`])].join('\n');
}
