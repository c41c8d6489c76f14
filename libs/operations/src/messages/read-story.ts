import { headers, parseSendMessage, type SendMessage, topics } from '@talaria/contracts';
import { type Sql } from '@talaria/database';
import { type KafkaRecord } from '@talaria/kafka';
import { type MessageFound, monthsOf } from './find-messages';
import { maskIdentity } from './mask';
import {
  type CommandParts,
  type LedgerRow,
  type LetterRow,
  noParts,
  readCommandParts,
  type StoredRecord,
} from './read-command';
import { readWaits } from './read-waits';
import {
  type AskedStory,
  type CommandStory,
  type LetterStory,
  type MessageStory,
  type ReactionStory,
  type StatusStory,
  type Story,
} from './story';

export type StoryOptions = {
  /** Whether texts and whole phones are told. */
  readonly withContent: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Reads the command's record where the database has it nowhere; without it, what the publisher wrote stays unknown then. */
  readonly fetchRecord?: (
    topic: string,
    partition: number,
    offset: number,
  ) => Promise<KafkaRecord | undefined>;
};

/** The story of what was found. Some statements one after another, each by an index; nothing is changed. */
export async function readStory(sql: Sql, found: MessageFound, options: StoryOptions): Promise<Story> {
  const { wabaId, commandId } = found;
  const isCommand = commandId !== null && wabaId !== null;
  const parts = isCommand ? await readCommandParts(sql, wabaId, commandId) : noParts;
  const { ledger, parked, attempts, letters } = parts;
  const messages = await readMessages(sql, found, options.withContent);
  const phoneNumberId = ledger?.phoneNumberId ?? parked?.phoneNumberId ?? found.phoneNumberId;
  const asked = isCommand ? await readAsked(parts, options) : null;
  const command = isCommand ? commandOf(parts, asked, found, options.withContent) : null;
  return {
    wabaId,
    phoneNumberId,
    commandId,
    command,
    attempts,
    messages,
    deadLetters: letters.map(letterOf),
    waits:
      command === null
        ? []
        : await readWaits(sql, { ...found, phoneNumberId }, { ledger, parked, command }, options.now),
    traceIds: [
      ...new Set(
        [asked?.traceId ?? null, ...attempts.map(({ traceId }) => traceId)].filter((id) => id !== null),
      ),
    ],
  };
}

function letterOf({ value: _value, headers: _headers, source: _source, ...letter }: LetterRow): LetterStory {
  const decided = (one: LetterStory['redrive']) => one && { ...one, at: new Date(one.at) };
  return {
    ...letter,
    id: Number(letter.id),
    redrive: decided(letter.redrive),
    discard: decided(letter.discard),
  };
}

/** The ledger knows first; what was refused before it came there is known of its dead letter alone. */
function commandOf(
  { told, ledger, parked, letters }: CommandParts,
  asked: Asked | null,
  found: MessageFound,
  withContent: boolean,
): CommandStory {
  const letter = letters.at(-1);
  const { cause, error } = ledger?.outcome ?? {};
  const recipient = asked?.command.to ?? asked?.command.recipient ?? told?.recipient ?? null;
  return {
    state:
      ledger?.state ??
      told?.state ??
      (parked ? 'parked' : letter ? 'dead-lettered' : (found.status ?? 'unknown')),
    stateAt: timeOf(ledger) ?? told?.stateAt ?? parked?.parkedAt ?? letter?.at ?? found.at,
    attempts: ledger?.attempts ?? told?.attempts ?? letter?.attempts ?? 0,
    recipient: withContent ? recipient : maskIdentity(recipient),
    cause: cause ?? told?.cause ?? (ledger ? null : (letter?.cause ?? null)),
    errorCode: error?.code ?? told?.errorCode ?? (ledger ? null : (letter?.code ?? null)),
    errorClass: error?.class ?? told?.errorClass ?? null,
    errorMessage: error?.message ?? (ledger ? null : (letter?.message ?? null)),
    campaignId: asked?.command.campaignId ?? told?.campaignId ?? parked?.campaignId ?? null,
    correlationId: asked?.command.correlationId ?? told?.correlationId ?? null,
    asked: asked && askedStory(asked, withContent),
  };
}

/** When it came into its state: the outcome tells it, as its event does. */
function timeOf(ledger: LedgerRow | undefined): Date | undefined {
  if (ledger === undefined) return undefined;
  const told = new Date(ledger.state === 'claimed' ? NaN : (ledger.outcome?.at ?? NaN));
  return Number.isNaN(told.getTime()) ? ledger.claimedAt : told;
}

type Asked = {
  readonly command: SendMessage;
  readonly headers: StoredRecord['headers'];
  readonly place: StoredRecord['source'];
  readonly traceId: string | null;
};

/** The record as it was published, wherever it is kept: its bytes never change on the way. */
async function readAsked(
  { ledger, parked, letters }: CommandParts,
  { fetchRecord }: StoryOptions,
): Promise<Asked | null> {
  const stored: StoredRecord | undefined = parked ?? letters.find(({ value }) => value !== null);
  if (stored !== undefined) return askedOf(stored);
  if (ledger === undefined || fetchRecord === undefined) return null;
  const { topic, partition, offset } = ledger.source;
  const record = await fetchRecord(topic, partition, offset);
  return record === undefined ? null : askedOf({ ...record, source: record });
}

function askedOf({ value, headers: found, source }: StoredRecord): Asked | null {
  const parsed = parseSendMessage(value);
  if (!parsed.ok) return null;
  const [, traceId = null] = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(found.traceparent ?? '') ?? [];
  return { command: parsed.command, headers: found, place: source, traceId };
}

function askedStory({ command, headers: found, place, traceId }: Asked, withContent: boolean): AskedStory {
  const number = (text: string | undefined, otherwise: number | undefined) =>
    text === undefined ? (otherwise ?? null) : Number(text);
  const at = number(found[headers.originalTimestamp], place.timestamp);
  return {
    at: at === null ? null : new Date(at),
    priority: command.priority ?? 'notification',
    type: command.message.type,
    expiresAt: command.expiresAt ?? null,
    onUnknown: command.onUnknown ?? 'dead-letter',
    topic: found[headers.originalTopic] ?? place.topic,
    partition: number(found[headers.originalPartition], place.partition),
    offset: number(found[headers.originalOffset], place.offset),
    traceId,
    ...(withContent && { message: command.message, metadata: command.metadata ?? null }),
  };
}

type MessageRow = Omit<MessageStory, 'statuses' | 'reactions'> & { readonly month: string };

const messageColumns = `wamid, phone_number_id AS "phoneNumberId", month::text, direction, type, contact_identity AS contact, status, shown_at AS at,
  context_wamid AS quotes, is_echo AS "isEcho", accepted_at AS "acceptedAt", edited_at AS "editedAt", revoked_at AS "revokedAt",
  text, edited_text AS "editedText"`;

async function readMessages(sql: Sql, found: MessageFound, withContent: boolean): Promise<MessageStory[]> {
  const rows = found.commandId === null ? await messageRows(sql, found) : await rowsOfCommand(sql, found);
  const stories: MessageStory[] = [];
  for (const row of rows) {
    const place = [row.wamid, row.phoneNumberId, row.month];
    const statuses = await sql<StatusRow>(
      `SELECT status, status_at AS at, participant, attempt, error_code AS "errorCode", error_title AS "errorTitle",
              pricing_billable AS billable, pricing_model AS model, pricing_type AS type, pricing_category AS category
       FROM message_statuses WHERE wamid = $1 AND phone_number_id = $2 AND month = $3::date ORDER BY status_at, status`,
      place,
    );
    const reactions = await sql<ReactionStory>(
      `SELECT sender, reacted_at AS at, emoji FROM reactions
       WHERE wamid = $1 AND phone_number_id = $2 AND month = $3::date ORDER BY reacted_at`,
      place,
    );
    stories.push(messageOf(row, statuses, reactions, withContent));
  }
  return stories;
}

async function messageRows(sql: Sql, { wamid, phoneNumberId }: MessageFound): Promise<MessageRow[]> {
  if (wamid === null) return [];
  const month = (await monthsOf(sql, wamid)).find(({ number }) => number === phoneNumberId)?.month;
  return sql<MessageRow>(
    `SELECT ${messageColumns} FROM messages WHERE wamid = $1 AND phone_number_id = $2 AND month = $3::date`,
    [wamid, phoneNumberId, month ?? null],
  );
}

function rowsOfCommand(sql: Sql, { commandId, wabaId }: MessageFound): Promise<MessageRow[]> {
  return sql<MessageRow>(
    `SELECT ${messageColumns} FROM messages WHERE command_id = $1 AND waba_id = $2 ORDER BY shown_at, wamid LIMIT 50`,
    [commandId, wabaId],
  );
}

type StatusRow = Omit<StatusStory, 'pricing'> & NonNullable<StatusStory['pricing']>;

function messageOf(
  {
    month: _month,
    text,
    editedText,
    ...row
  }: MessageRow & { text?: string | null; editedText?: string | null },
  statuses: readonly StatusRow[],
  reactions: readonly ReactionStory[],
  withContent: boolean,
): MessageStory {
  const masked = (identity: string) => (withContent ? identity : (maskIdentity(identity) ?? ''));
  return {
    ...row,
    contact: row.contact === null ? null : masked(row.contact),
    statuses: statuses.map(({ billable, model, type, category, ...status }) => ({
      ...status,
      participant: masked(status.participant),
      pricing:
        billable === null && category === null && model === null ? null : { billable, model, type, category },
    })),
    reactions: reactions.map(({ sender, at, emoji }) => ({
      sender: masked(sender),
      at,
      ...(withContent && { emoji: emoji ?? null }),
    })),
    ...(withContent && { text: text ?? null, editedText: editedText ?? null }),
  };
}

/** The topics in which a command's record may lie. */
export const recordTopics = [
  topics.outbound.name,
  topics.outboundRetry30s.name,
  topics.outboundRetry5m.name,
  topics.outboundRetry1h.name,
] as const;
