import { type DispatchEventData } from '@talaria/contracts';
import { monthOf, type Sql } from '@talaria/database';
import { type KafkaRecord } from '@talaria/kafka';
import { effectsOf } from '../webhooks/effects-of-message';
import { type Fields, fieldsOf, isPlausible, phone, text, userIdOf } from '../webhooks/read-json';
import { mediaOf } from '../webhooks/content-of-message';
import { joinRows, type MessageForm, noRows, type Person, type Rows } from '../webhooks/rows';

/** One event of the dispatcher. */
export type Told = { readonly state: string; readonly at: Date; readonly data: DispatchEventData };

/**
 * Reads a record of `whatsapp.dispatches`.
 * @returns undefined when it is not an event of the dispatcher
 */
export function translateDispatch(record: KafkaRecord): Told | undefined {
  const [, state] = /^whatsapp\.dispatch\.([a-z-]+)\.v1$/.exec(record.headers.ce_type ?? '') ?? [];
  const at = new Date(record.headers.ce_time ?? NaN);
  const data = parse(record.value);
  const isEvent = state !== undefined && data !== undefined && isPlausible(at.getTime());
  return isEvent ? { state, at, data } : undefined;
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
  startedAt: isText,
  traceId: isText,
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

/** The message that accepted commands became; without a form where the event does not tell what was sent. */
export function rowsOfDispatches(told: readonly Told[]): Rows {
  return joinRows(told.map(acceptedMessage));
}

/**
 * Writes the state of each command and each step on the way. Order and repeats do not matter.
 * @param keptFrom steps of earlier months are let go
 */
export async function recordDispatches(sql: Sql, all: readonly Told[], keptFrom: string): Promise<void> {
  if (all.length === 0) return;
  await recordCommands(sql, all);
  await recordAttempts(
    sql,
    all.filter(({ at }) => monthOf(at) >= keptFrom),
  );
}

/** An event that is told twice has the same time; where it has not, both may stay, if their months differ. */
async function recordAttempts(sql: Sql, steps: readonly Told[]): Promise<void> {
  if (steps.length === 0) return;
  const column = (read: (one: Told) => unknown) => steps.map((one) => read(one) ?? null);
  await sql(
    `INSERT INTO dispatch_attempts AS d (waba_id, command_id, version, month, attempt, state, told_at, wamid, cause,
                                    error_code, error_class, error_message, fbtrace_id, started_at, trace_id)
     SELECT DISTINCT ON (command_id, waba_id, version, month) *
     FROM unnest($1::text[], $2::text[], $3::integer[], $4::date[], $5::integer[], $6::text[], $7::timestamptz[], $8::text[],
                 $9::text[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::text[])
       AS t (waba_id, command_id, version, month, attempt, state, told_at, wamid, cause, error_code, error_class, error_message, fbtrace_id,
             started_at, trace_id)
     ORDER BY command_id, waba_id, version, month, ${step('t')}
     ON CONFLICT (command_id, waba_id, version, month) DO UPDATE SET
       attempt = excluded.attempt, state = excluded.state, told_at = excluded.told_at, wamid = excluded.wamid, cause = excluded.cause,
       error_code = excluded.error_code, error_class = excluded.error_class, error_message = excluded.error_message,
       fbtrace_id = excluded.fbtrace_id, started_at = excluded.started_at, trace_id = excluded.trace_id
     WHERE ${step('excluded')} < ${step('d')}`,
    [
      column(({ data }) => data.wabaId),
      column(({ data }) => data.commandId),
      column(({ data }) => data.version),
      column(({ at }) => monthOf(at)),
      column(({ data }) => data.attempt),
      column(({ state }) => state),
      column(({ at }) => at),
      column(({ data }) => data.wamid),
      column(({ data }) => data.cause),
      column(({ data }) => data.error?.code),
      column(({ data }) => data.error?.class),
      column(({ data }) => text(data.error?.message)),
      column(({ data }) => text(data.error?.fbtraceId)),
      column(({ data }) => timeOf(data.startedAt)),
      column(({ data }) => text(data.traceId)),
    ],
  );
}

function timeOf(told: string | undefined): Date | undefined {
  const time = new Date(told ?? NaN);
  return isPlausible(time.getTime()) ? time : undefined;
}

/** What orders two tellings of one version, which should not differ. */
const told = (of: string) =>
  `(${of}.state_at, ${of}.state, coalesce(${of}.wamid, ''), coalesce(${of}.cause, ''), ${of}.attempts, ${of}.phone_number_id,
    coalesce(${of}.recipient, ''), coalesce(${of}.error_code, 0), coalesce(${of}.error_class, ''),
    coalesce(${of}.campaign_id, ''), coalesce(${of}.correlation_id, ''))`;

const step = (of: string) =>
  `(${of}.told_at, ${of}.state, ${of}.attempt, coalesce(${of}.wamid, ''), coalesce(${of}.cause, ''), coalesce(${of}.error_code, 0),
    coalesce(${of}.error_class, ''), coalesce(${of}.error_message, ''), coalesce(${of}.fbtrace_id, ''),
    coalesce(${of}.started_at, '-infinity'), coalesce(${of}.trace_id, ''))`;

async function recordCommands(sql: Sql, events: readonly Told[]): Promise<void> {
  const column = (read: (one: Told) => unknown) => events.map((one) => read(one) ?? null);
  await sql(
    `INSERT INTO commands AS c (waba_id, command_id, phone_number_id, state, version, attempts, recipient, wamid,
                                cause, error_code, error_class, campaign_id, correlation_id, state_at)
     SELECT DISTINCT ON (command_id, waba_id) *
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::text[], $8::text[],
                 $9::text[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::timestamptz[])
       AS t (waba_id, command_id, phone_number_id, state, version, attempts, recipient, wamid,
             cause, error_code, error_class, campaign_id, correlation_id, state_at)
     ORDER BY command_id, waba_id, version DESC, ${told('t')}
     ON CONFLICT (command_id, waba_id) DO UPDATE SET
       phone_number_id = excluded.phone_number_id, state = excluded.state, version = excluded.version,
       attempts = excluded.attempts, recipient = excluded.recipient, wamid = excluded.wamid, cause = excluded.cause,
       error_code = excluded.error_code, error_class = excluded.error_class, campaign_id = excluded.campaign_id,
       correlation_id = excluded.correlation_id, state_at = excluded.state_at
     WHERE excluded.version > c.version OR (excluded.version = c.version AND ${told('excluded')} < ${told('c')})`,
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

function acceptedMessage({ state, at, data }: Told): Rows {
  const { wamid, message, phoneNumberId, wabaId } = data;
  if (state !== 'accepted' || wamid === undefined) return noRows;
  // Who asked for both meant the phone, as Meta does; that both are one person is only Meta's to say.
  const userId = data.to === undefined ? userIdOf(data.recipient) : null;
  const identities = [phone(data.waId), phone(data.to), userId].filter((one) => one !== null);
  const person: Person = {
    wabaId,
    contactPhone: phone(data.waId) ?? phone(data.to),
    contactUserId: userId,
  };
  const key = { phoneNumberId, wamid, month: monthOf(at) };
  const direction = 'outbound' as const;
  return {
    ...noRows,
    ...(message !== undefined && {
      ...effectsOf(message, { direction, at, ...key, ...person }),
      forms: [{ direction, ...key, ...person, ...formOf(message, at) }],
    }),
    facts: [{ direction, fact: 'accepted', at, commandId: data.commandId, ...key, ...person }],
    sightings:
      identities.length === 0
        ? []
        : [
            {
              wabaId,
              identities: [...new Set(identities)],
              name: null,
              username: null,
              at,
              phoneNumberId,
              direction,
            },
          ],
  };
}

function formOf(
  message: Fields,
  at: Date,
): Omit<MessageForm, keyof Person | 'phoneNumberId' | 'wamid' | 'month' | 'direction'> {
  return {
    contactName: null,
    isOurs: true,
    arrivedAt: at,
    groupId: null,
    type: text(message.type) ?? 'unknown',
    text: textOf(message),
    ...mediaOf(message),
    contextWamid: text(fieldsOf(message.context).message_id),
    messageAt: at,
    isEcho: false,
    item: Buffer.from(JSON.stringify(message)),
  };
}

/** The text of an outbound message, where its type has one. */
function textOf(message: Fields): string | null {
  const content = fieldsOf(typeof message.type === 'string' ? message[message.type] : undefined);
  const shown = content.body ?? content.caption ?? content.emoji;
  return text(isObject(shown) ? fieldsOf(shown).text : shown);
}
