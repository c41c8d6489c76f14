import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type ClientOptions, connectTalaria, type Fate, NoFateError } from '@talaria/client';
import { type MetaMessage } from '@talaria/contracts';
import { databaseSettings, sqlOf } from '@talaria/database';
import { type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import {
  batchOf,
  checkDrafts,
  type CheckedDrafts,
  type Draft,
  type FaultyLine,
  FileError,
  NotFoundError,
  publishCommands,
  readCsv,
  readJsonLines,
  templateMessage,
  textMessage,
} from '@talaria/operations';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { collect, durationOf, whole } from '../flags';
import { startProgress } from '../output/progress';
import { showTable } from '../output/table';
import { dryRunOption, newVerb } from '../verb';

type SendOptions = {
  readonly from?: string;
  readonly to?: string;
  readonly recipient?: string;
  readonly text?: string;
  readonly template?: string;
  readonly language?: string;
  readonly param?: readonly string[];
  readonly named?: readonly string[];
  readonly id?: string;
  readonly campaign?: string;
  readonly correlation?: string;
  readonly priority?: string;
  readonly expiresAt?: string;
  readonly onUnknown?: string;
  readonly file?: string;
  readonly format?: 'csv' | 'jsonl';
  readonly batch?: string;
  readonly skipInvalid?: boolean;
  readonly rate?: number;
  readonly wait?: number | true;
  readonly dryRun?: boolean;
};

const WAIT_MS = 60_000;

export const sendVerb = (context: Context): Command =>
  newVerb('send', {
    summary: 'sends one message, or those of a file',
    more: [
      'Publishes commands on whatsapp.outbound, each checked first as the dispatcher will check it; the account is that of the sending number.',
      'A file has a command a line as JSON (what it leaves out is taken from the flags), or is CSV with a head: to, text, or to, template, language, param.1 … Nothing of it is published when a line is wrong, unless --skip-invalid.',
      'A line without an id gets one of its batch (--batch; else the campaign, else the name of the file), sender, recipient and message. So the same file again, after an interrupt too, sends nobody twice; to send it again on purpose, name another batch.',
    ].join('\n'),
    examples: [
      'talaria messages send --from 106540352242922 --to +15550001111 --text "Your parcel is here" --wait',
      'talaria messages send --from 106540352242922 --to +15550001111 --template order_update --language en_US --param Rosa --param 4711',
      'talaria messages send --file spring.csv --from 106540352242922 --template spring --language en_US --priority campaign --campaign spring --dry-run',
      'talaria messages send --file spring.jsonl --rate 50 --skip-invalid',
    ],
  })
    .option('--from <number-id>', 'the sending number, by its phone number id')
    .option('--to <phone>', 'the recipient, like +15550001111')
    .option('--recipient <user-id>', 'the recipient by business-scoped user id')
    .option('--text <text>', 'what to say')
    .option('--template <name>', 'an approved template')
    .option('--language <code>', "the template's language, like en_US")
    .addOption(
      new Option('--param <text>', "the template's next parameter; again for each").argParser(collect),
    )
    .addOption(
      new Option('--named <name=text>', 'a parameter that has a name; again for each').argParser(collect),
    )
    .option('--id <id>', 'the command id; the same again sends nothing')
    .option('--campaign <id>', 'the campaign, by which all of it can be cancelled')
    .option('--correlation <text>', 'yours, kept with the command')
    .addOption(
      new Option('--priority <priority>', 'who goes first').choices(['reply', 'notification', 'campaign']),
    )
    .option('--expires-at <time>', 'not sent after it, like 2030-01-31T12:00:00Z')
    .addOption(
      new Option('--on-unknown <policy>', 'when nobody can tell whether Meta took it').choices([
        'dead-letter',
        'resend',
      ]),
    )
    .option('--file <path>', 'many: JSON lines or CSV; - for standard input')
    .addOption(
      new Option('--format <format>', 'of the file, when its name does not say').choices(['csv', 'jsonl']),
    )
    .option('--batch <name>', 'tells this sending from another of the same lines')
    .option('--skip-invalid', 'publishes the right lines of a file of which some are wrong')
    .addOption(new Option('--rate <n>', 'publishes at most so many a second').argParser(whole(1, 100_000)))
    .addOption(
      new Option(
        '--wait [duration]',
        'waits for what becomes of one message; exit code 1 when it is not accepted',
      ).argParser(durationOf),
    )
    .addOption(dryRunOption())
    .action(async (options: SendOptions) => {
      const { drafts, batch } =
        options.file === undefined ? draftOne(options) : await draftFile(options, context);
      // All that it needs is asked for at once, before anything is opened.
      context.settings(
        options.dryRun === true ? databaseSettings : { ...databaseSettings, ...kafkaSettings },
      );
      const sql = sqlOf(await context.dataSource());
      const checked = await checkDrafts(sql, drafts, { batch, now: Date.now() });
      if (options.file === undefined) refuseFaulty(checked.faulty);
      await (options.file === undefined
        ? sendOne(context, checked, options)
        : sendAll(context, checked, options));
    });

/** What the flags say of the command, under the names of its fields. */
function fieldsOf(options: SendOptions): Record<string, unknown> {
  const { from, to, recipient, id, campaign, correlation, priority, expiresAt, onUnknown } = options;
  const message = messageOf(options);
  const fields = {
    ...{ phoneNumberId: from, to, recipient, id, campaignId: campaign, correlationId: correlation },
    ...{ priority, expiresAt, onUnknown, message },
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function messageOf({
  text,
  template,
  language,
  param = [],
  named = [],
}: SendOptions): MetaMessage | undefined {
  if (text !== undefined && template !== undefined)
    throw new UsageError('--text and --template exclude each other');
  if (template === undefined) {
    if (language !== undefined || param.length + named.length > 0)
      throw new UsageError('--language, --param and --named are of a --template');
    return text === undefined ? undefined : textMessage(text);
  }
  if (language === undefined) throw new UsageError('--template needs --language, like en_US');
  if (param.length > 0 && named.length > 0) throw new UsageError('--param and --named exclude each other');
  const byName = named.map((pair) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw new UsageError('--named must be like shop=Acme');
    return { name, text: value };
  });
  return templateMessage(template, language, [...param.map((value) => ({ text: value })), ...byName]);
}

type Drafted = { readonly drafts: readonly Draft[]; readonly batch: string };

function draftOne(options: SendOptions): Drafted {
  const { from, to, recipient, rate, skipInvalid, batch } = options;
  if (from === undefined) throw new UsageError('--from is needed: the phone number id of a number of yours');
  if (to === undefined && recipient === undefined)
    throw new UsageError('--to or --recipient is needed, or a --file');
  if (rate !== undefined || skipInvalid !== undefined || batch !== undefined)
    throw new UsageError('--rate, --skip-invalid and --batch are of a --file');
  // Said twice, one message is two, unless it has an id.
  return { drafts: [{ line: 1, fields: { id: randomUUID(), ...fieldsOf(options) } }], batch: 'talaria' };
}

async function draftFile(options: SendOptions, { stdin }: Context): Promise<Drafted> {
  const { file = '', to, recipient, id, wait } = options;
  if ((to ?? recipient ?? id) !== undefined)
    throw new UsageError('--to, --recipient and --id are of one message, not of a --file');
  if (wait !== undefined)
    throw new UsageError('--wait is of one message, not of a --file: follow many with talaria messages tail');
  const format = options.format ?? formats[extname(file).toLowerCase()];
  if (format === undefined)
    throw new UsageError('--format csv or jsonl is needed: the name of the file does not say');
  const name = options.batch ?? options.campaign ?? (file === '-' ? undefined : basename(file));
  if (name === undefined)
    throw new UsageError('--batch is needed with standard input: it tells this sending from another');
  const text = file === '-' ? await textOf(stdin) : readText(file);
  const defaults = fieldsOf(options);
  try {
    const drafts = format === 'csv' ? readCsv(text, defaults) : readJsonLines(text, defaults);
    if (drafts.length === 0) throw new UsageError('the file has no line');
    return { drafts, batch: batchOf(name) };
  } catch (error) {
    throw error instanceof FileError ? new UsageError(error.message, { cause: error }) : error;
  }
}

const formats: Readonly<Record<string, 'csv' | 'jsonl'>> = {
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new NotFoundError(
      `the file ${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? '?'})`,
      {
        cause,
      },
    );
  }
}

async function textOf(stdin: Context['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function refuseFaulty([faulty]: readonly FaultyLine[]): void {
  if (faulty !== undefined) throw new UsageError(`this would not be sent: ${faulty.problems.join('; ')}`);
}

async function sendOne(
  context: Context,
  { commands }: CheckedDrafts,
  { dryRun, wait }: SendOptions,
): Promise<void> {
  const command = commands[0]?.command;
  if (command === undefined) return;
  const { id, wabaId } = command;
  if (dryRun === true) {
    context.answer({ dryRun: true, id, wabaId }, () => `Would publish command ${id} of account ${wabaId}.`);
    return;
  }
  await withClient(context, wait !== undefined, async (client) => {
    if (wait === undefined) {
      await client.publish(command);
      context.answer({ id, wabaId, fate: null }, () => `Published command ${id} of account ${wabaId}.`);
      return;
    }
    try {
      const fate = await client.publishAndAwait(command, { timeoutMs: wait === true ? WAIT_MS : wait });
      context.answer({ id, wabaId, fate }, () => fateText(fate));
      if (fate.state !== 'accepted') context.exitWith(exitCodes.failed);
    } catch (error) {
      if (!(error instanceof NoFateError)) throw error;
      context.answer({ id, wabaId, fate: null }, () => `Published command ${id} of account ${wabaId}.`);
      context.say(`It may still be sent (${error.message}): see talaria messages show ${id}`);
      context.exitWith(exitCodes.failed);
    }
  });
}

function fateText(fate: Fate): string {
  const { commandId, state, attempt, error } = fate;
  const code = error?.code === undefined ? '' : ` ${error.code}`;
  const because = error === undefined ? '' : `: ${error.class}${code}, ${error.message}`;
  const wamid = 'wamid' in fate ? ` as ${fate.wamid}` : '';
  return `Command ${commandId} is ${state}${wamid}, after ${attempt} attempt${attempt === 1 ? '' : 's'}${because}.`;
}

async function sendAll(
  context: Context,
  { commands, faulty }: CheckedDrafts,
  options: SendOptions,
): Promise<void> {
  const { dryRun = false, skipInvalid = false, rate } = options;
  const isRefused = faulty.length > 0 && !skipInvalid;
  if (faulty.length > 0) context.exitWith(exitCodes.failed);
  const all = commands.map(({ command }) => command);
  const published = dryRun || isRefused || all.length === 0 ? 0 : await publishAll(context, all, rate);
  if (!dryRun && !isRefused && published < all.length) context.exitWith(exitCodes.failed);
  context.answer({ dryRun, commands: all.length, published, faulty }, () =>
    [
      ...(faulty.length === 0 ? [] : [faultyText(context, faulty)]),
      isRefused
        ? `Nothing is published: ${faulty.length} of ${all.length + faulty.length} lines are wrong. Correct them, or leave them out with --skip-invalid.`
        : dryRun
          ? `Would publish ${all.length} commands.`
          : published < all.length
            ? `Interrupted: ${published} of ${all.length} commands are published. The same again publishes the rest; nobody gets a message twice.`
            : `Published ${published} commands.`,
    ].join('\n'),
  );
}

function faultyText(context: Context, faulty: readonly FaultyLine[]): string {
  return showTable(
    context,
    ['line', 'what is wrong'],
    faulty.map(({ line, problems }) => [line, problems.join('; ')]),
  );
}

async function publishAll(
  context: Context,
  commands: Parameters<typeof publishCommands>[0],
  perSecond: number | undefined,
): Promise<number> {
  const progress = startProgress(context, 'commands');
  const signal = context.interrupt();
  try {
    return await withClient(context, false, (client) =>
      publishCommands(commands, {
        publish: (some) => client.publish(some),
        perSecond,
        signal,
        onProgress: (published) => progress.at(published, commands.length),
      }),
    );
  } finally {
    progress.end();
  }
}

async function withClient<T>(
  context: Context,
  fates: boolean,
  work: (client: Awaited<ReturnType<typeof connectTalaria>>) => Promise<T>,
): Promise<T> {
  const { config, logger } = context.kafka();
  const client = await connectTalaria({ ...clientOptions(config), fates, logger });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function clientOptions(config: KafkaConfig): ClientOptions {
  const sasl = saslOf(config);
  return {
    brokers: config.KAFKA_BROKERS,
    prefix: config.KAFKA_PREFIX,
    ssl: config.KAFKA_SSL === 'true' && {
      ca: config.KAFKA_SSL_CA,
      cert: config.KAFKA_SSL_CERT,
      key: config.KAFKA_SSL_KEY,
      passphrase: config.KAFKA_SSL_KEY_PASSPHRASE,
    },
    ...(sasl && { sasl }),
  };
}

/** What belongs to a mechanism is there with it: reading the settings saw to that. */
function saslOf(config: KafkaConfig): ClientOptions['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism } = config;
  if (mechanism === undefined) return undefined;
  if (mechanism !== 'oauthbearer')
    return {
      mechanism,
      username: config.KAFKA_SASL_USERNAME ?? '',
      password: config.KAFKA_SASL_PASSWORD ?? '',
    };
  return {
    mechanism,
    tokenUrl: config.KAFKA_SASL_OAUTH_TOKEN_URL ?? '',
    clientId: config.KAFKA_SASL_OAUTH_CLIENT_ID ?? '',
    clientSecret: config.KAFKA_SASL_OAUTH_CLIENT_SECRET ?? '',
    scope: config.KAFKA_SASL_OAUTH_SCOPE,
  };
}
