import { type DispatchEventData } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type Sql } from '@talaria/database';
import {
  joinStatuses,
  type MessageForm,
  recordMessages,
  type StatusFact,
} from '../projections/record-messages';

type Fields = Readonly<Record<string, unknown>>;

type Told = { readonly state: string; readonly at: Date; readonly data: DispatchEventData };

/**
 * Reads a record of `whatsapp.dispatches`.
 * @returns undefined when it is not an event of the dispatcher
 */
export function translateDispatch(record: KafkaRecord): Told[] | undefined {
  const [, state] = /^whatsapp\.dispatch\.([a-z-]+)\.v1$/.exec(record.headers.ce_type ?? '') ?? [];
  const at = new Date(record.headers.ce_time ?? NaN);
  const data = parse(record.value);
  const isEvent = state !== undefined && data !== undefined && !Number.isNaN(at.getTime());
  return isEvent ? [{ state, at, data }] : undefined;
}

function parse(value: Buffer | null): DispatchEventData | undefined {
  try {
    const data: unknown = JSON.parse((value ?? Buffer.alloc(0)).toString('utf8'));
    return isEventData(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown) => typeof value === 'string';
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is read here, and what it must be: the database would take some of it in another type for something else. */
const required = {
  wabaId: isText,
  commandId: isText,
  phoneNumberId: isText,
  version: Number.isInteger,
  attempt: Number.isInteger,
};
const optional = {
  to: isText,
  recipient: isText,
  campaignId: isText,
  correlationId: isText,
  wamid: isText,
  waId: isText,
  cause: isText,
  message: isObject,
  error: isError,
};

function isError(value: unknown): boolean {
  const { code, class: kind } = (isObject(value) ? value : {}) as Record<string, unknown>;
  return isText(kind) && (code === undefined || Number.isInteger(code));
}

function isEventData(value: unknown): value is DispatchEventData {
  if (!isObject(value)) return false;
  const data = value as Record<string, unknown>;
  return (
    Object.entries(required).every(([name, fits]) => fits(data[name])) &&
    Object.entries(optional).every(([name, fits]) => data[name] === undefined || fits(data[name]))
  );
}

/** Writes what the dispatcher told: the state of each command, and the message that a command became. Order and repeats do not matter. */
export async function recordDispatches(sql: Sql, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return;
  await recordCommands(sql, told);
  const accepted = told.flatMap(acceptedMessage);
  await recordMessages(
    sql,
    accepted.flatMap(({ form }) => form ?? []),
  );
  await joinStatuses(
    sql,
    accepted.map(({ fact }) => fact),
  );
}

async function recordCommands(sql: Sql, told: readonly Told[]): Promise<void> {
  const column = (read: (one: Told) => unknown) => told.map((one) => read(one) ?? null);
  await sql(
    `INSERT INTO commands AS c (waba_id, command_id, phone_number_id, state, version, attempts, recipient, wamid,
                                cause, error_code, error_class, campaign_id, correlation_id, state_at)
     SELECT DISTINCT ON (waba_id, command_id) *
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::text[], $8::text[],
                 $9::text[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::timestamptz[])
       AS t (waba_id, command_id, phone_number_id, state, version, attempts, recipient, wamid,
             cause, error_code, error_class, campaign_id, correlation_id, state_at)
     ORDER BY waba_id, command_id, version DESC
     ON CONFLICT (waba_id, command_id) DO UPDATE SET
       phone_number_id = excluded.phone_number_id, state = excluded.state, version = excluded.version,
       attempts = excluded.attempts, recipient = excluded.recipient, wamid = excluded.wamid, cause = excluded.cause,
       error_code = excluded.error_code, error_class = excluded.error_class, campaign_id = excluded.campaign_id,
       correlation_id = excluded.correlation_id, state_at = excluded.state_at
     WHERE excluded.version > c.version`,
    [
      column(({ data }) => data.wabaId),
      column(({ data }) => data.commandId),
      column(({ data }) => data.phoneNumberId),
      column(({ state }) => state),
      column(({ data }) => data.version),
      column(({ data }) => data.attempt),
      column(({ data }) => data.to ?? data.recipient),
      column(({ data }) => data.wamid),
      column(({ data }) => data.cause),
      column(({ data }) => data.error?.code),
      column(({ data }) => data.error?.class),
      column(({ data }) => data.campaignId),
      column(({ data }) => data.correlationId),
      column(({ at }) => at),
    ],
  );
}

/** The message that an accepted command became; without a form when the event does not tell what was sent. */
function acceptedMessage({ state, at, data }: Told): { fact: StatusFact; form?: MessageForm }[] {
  const { wamid, message, phoneNumberId, wabaId } = data;
  if (state !== 'accepted' || wamid === undefined) return [];
  const known = {
    phoneNumberId,
    wamid,
    wabaId,
    contactPhone: data.waId ?? data.to?.slice(1) ?? null,
    contactUserId: data.recipient ?? null,
  };
  const fact = { ...known, status: 'accepted', commandId: data.commandId, statusAt: at };
  return [message === undefined ? { fact } : { fact, form: { ...known, ...formOf(message, at) } }];
}

function formOf(message: Fields, at: Date) {
  return {
    direction: 'outbound' as const,
    type: text(message.type) ?? 'unknown',
    text: textOf(message),
    contextWamid: text(fieldsOf(message.context).message_id),
    messageAt: at,
    isEcho: false,
    item: Buffer.from(JSON.stringify(message)),
  };
}

/** The text of an outbound message, where its type has one. */
function textOf(message: Fields): string | null {
  const { body, caption } = fieldsOf(typeof message.type === 'string' ? message[message.type] : undefined);
  const shown = body ?? caption;
  return text(isObject(shown) ? fieldsOf(shown).text : shown);
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? (value as Fields) : {};
}

/** Postgres takes no NUL in text; the item keeps it. */
function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.replaceAll('\u0000', '\uFFFD') : null;
}
