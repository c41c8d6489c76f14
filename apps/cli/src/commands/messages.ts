import { sqlOf } from '@talaria/database';
import { createRecordReader } from '@talaria/kafka';
import {
  explainMissing,
  findMessages,
  MOST_FOUND,
  type MessageAsked,
  type MessageName,
  NotFoundError,
  readStory,
  recordTopics,
  type StoryOptions,
  type TailedEvent,
  type TailedTopic,
  tailedTopics,
  tailEvents,
} from '@talaria/operations';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { durationOf, timeOf } from '../flags';
import { printable } from '../output/fields';
import { foundText, storyText } from '../output/story';
import { newNoun, newVerb } from '../verb';
import { sendVerb } from './send-messages';

export function messagesCommand(context: Context): Command {
  return newNoun('messages', 'what is sent and received: one message, or all as they go')
    .addCommand(showVerb(context))
    .addCommand(sendVerb(context))
    .addCommand(tailVerb(context));
}

type ShowOptions = {
  readonly phone?: string;
  readonly at?: string;
  readonly within: number;
  readonly waba?: string;
  readonly number?: string;
  readonly showContent?: boolean;
};

const showVerb = (context: Context) =>
  newVerb('show', {
    summary: 'the whole story of a message: command, attempts, statuses, and where it waits',
    more: 'ID is a command id or a wamid, of either direction. With --phone and --at it lists what was exchanged with that person about then, and tells the story when that is one message. Phones are masked and texts left out unless --show-content asks for them.',
    examples: [
      'talaria messages show order-4711',
      'talaria messages show wamid.HBgLMTU1NTAxMTkzMjYVAgASGBRCN0M0MkUwMkI2MDNERDFFQ0RCMQA= -o json',
      'talaria messages show order-4711 --waba 102290129340398 --show-content',
      'talaria messages show --phone +15550001111 --at 2026-01-31T12:00:00Z --within 30m',
    ],
  })
    .argument('[id]', 'a command id or a wamid')
    .option('--phone <phone>', "the person's phone, or business-scoped user id")
    .addOption(new Option('--at <time>', 'about when, like 2026-01-31T12:00:00Z').argParser(timeOf))
    .addOption(
      new Option('--within <duration>', 'how far around that time')
        .argParser(durationOf)
        .default(600_000, '10m'),
    )
    .option('--waba <id>', 'only of this account')
    .option('--number <id>', 'only of this business number')
    .option('--show-content', 'tells texts and whole phones, too')
    .action(async (id: string | undefined, options: ShowOptions) => {
      const name = nameOf(id, options);
      const sql = sqlOf(await context.dataSource());
      const asked: MessageAsked = { ...name, wabaId: options.waba, phoneNumberId: options.number };
      const found = await findMessages(sql, asked);
      const [one, other] = found;
      if (one === undefined) throw new NotFoundError(await explainMissing(sql, name));
      if (other !== undefined) {
        context.answer({ messages: found, story: null }, () => foundText(found));
        if (found.length === MOST_FOUND)
          context.say(`These are the newest ${MOST_FOUND}: there may be more. Name less with --within.`);
        if (!('id' in name)) return;
        context.say('These have that id: name one with --waba, or with --number.');
        context.exitWith(exitCodes.failed);
        return;
      }
      const withContent = options.showContent === true;
      const story = await withRecords(context, (fetchRecord) =>
        readStory(sql, one, { withContent, now: Date.now(), ...(fetchRecord && { fetchRecord }) }),
      );
      context.answer({ messages: found, story }, () => storyText(story));
    });

function nameOf(id: string | undefined, { phone, at, within }: ShowOptions): MessageName {
  if (id !== undefined) {
    if (phone !== undefined || at !== undefined) throw new UsageError('an id and --phone exclude each other');
    return { id };
  }
  if (phone === undefined || at === undefined) throw new UsageError('an id is needed, or --phone with --at');
  const digits = phone.replace(/[\s+()./-]/g, '');
  return { phone: /^\d+$/.test(digits) ? digits : phone, at: new Date(at), withinMs: within };
}

/** Where Kafka is named, the command's record is read there when the database does not have it. That it cannot be is no reason to tell nothing. */
async function withRecords<T>(
  context: Context,
  work: (fetchRecord: StoryOptions['fetchRecord']) => Promise<T>,
): Promise<T> {
  if ((context.env.KAFKA_BROKERS ?? '') === '') return work(undefined);
  const reader = createRecordReader({ ...context.kafka(), clientId: 'talaria.cli', topics: recordTopics });
  try {
    return await work((topic, partition, offset) =>
      reader.fetchRecord(topic, partition, offset).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        context.say(`The command's own record could not be read from Kafka: ${why.slice(0, 200)}`);
        return undefined;
      }),
    );
  } finally {
    await reader.close();
  }
}

type TailOptions = {
  readonly topic?: TailedTopic;
  readonly waba?: string;
  readonly number?: string;
  readonly command?: string;
  readonly type?: string;
  readonly since?: number;
};

const tailVerb = (context: Context) =>
  newVerb('tail', {
    summary: 'follows what is sent and received, a line each, until Ctrl-C',
    more: 'Reads whatsapp.dispatches and whatsapp.events without disturbing anybody. Phones are masked, and there are no texts. With -o json every line is a document.',
    examples: [
      'talaria messages tail',
      'talaria messages tail --waba 102290129340398 --type message.status --since 10m',
      'talaria messages tail --topic dispatches --type dispatch.dead-lettered -o json',
      'talaria messages tail --command order-4711 --since 1h',
    ],
  })
    .addOption(new Option('--topic <topic>', 'only of one of them').choices(Object.keys(tailedTopics)))
    .option('--waba <id>', 'only of this account')
    .option('--number <id>', 'only of this business number')
    .option('--command <id>', 'only of this command')
    .option('--type <type>', 'only of this type, or of those that begin so: dispatch, message.status')
    .addOption(
      new Option('--since <duration>', 'begins with what was told so long ago').argParser(durationOf),
    )
    .action(async ({ topic, waba, number, command, type, since }: TailOptions) => {
      await tailEvents(context.kafka(), {
        topics: topic === undefined ? (Object.keys(tailedTopics) as TailedTopic[]) : [topic],
        filter: { wabaId: waba, phoneNumberId: number, commandId: command, type },
        since: since === undefined ? undefined : Date.now() - since,
        onEvent: (event) => context.answer(event, () => eventText(event)),
        signal: context.interrupt(),
      });
    });

function eventText({
  at,
  type,
  wabaId,
  phoneNumberId,
  commandId,
  wamid,
  contact,
  detail,
}: TailedEvent): string {
  const parts = [
    contact,
    detail,
    commandId !== null && `command ${commandId}`,
    phoneNumberId === null ? wabaId !== null && `account ${wabaId}` : `number ${phoneNumberId}`,
    wamid,
  ];
  const told = parts.filter((part) => typeof part === 'string' && part !== '').join('  ');
  return printable(`${at.padEnd(24)}  ${type.padEnd(24)}  ${told}`);
}
