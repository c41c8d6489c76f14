import { type DispatchEvent, type DispatchEventData } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type Sql } from '@talaria/database';

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

function parse(value: Buffer | null): DispatchEvent['data'] | undefined {
  try {
    const data = JSON.parse((value ?? Buffer.alloc(0)).toString('utf8')) as Partial<DispatchEventData> | null;
    const { wabaId, commandId, phoneNumberId, version, attempt } = data ?? {};
    const isComplete =
      [wabaId, commandId, phoneNumberId].every((id) => typeof id === 'string') &&
      [version, attempt].every((number) => Number.isInteger(number));
    return isComplete ? (data as DispatchEventData) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes what the dispatcher told: the state of each command, and the message that a command became. Order and repeats do not matter. */
export async function recordDispatches(sql: Sql, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return;
  await recordCommands(sql, told);
  await recordAccepted(
    sql,
    told.filter(({ state, data }) => state === 'accepted' && data.wamid !== undefined),
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

async function recordAccepted(sql: Sql, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return;
  const column = (read: (one: Told) => unknown) => told.map((one) => read(one) ?? null);
  await sql(
    `INSERT INTO messages AS m (phone_number_id, wamid, waba_id, direction, contact_phone, contact_user_id, type, text,
                                context_wamid, message_at, command_id, accepted_at, item)
     SELECT DISTINCT ON (phone_number_id, wamid) phone_number_id, wamid, waba_id, 'outbound', contact_phone,
            contact_user_id, type, text, context_wamid, accepted_at, command_id, accepted_at, item
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                 $9::text[], $10::timestamptz[], $11::bytea[])
       AS t (phone_number_id, wamid, waba_id, contact_phone, contact_user_id, type, text, context_wamid, command_id,
             accepted_at, item)
     ORDER BY phone_number_id, wamid, accepted_at
     ON CONFLICT (phone_number_id, wamid) DO UPDATE SET
       waba_id = excluded.waba_id, direction = excluded.direction, contact_phone = excluded.contact_phone,
       contact_user_id = excluded.contact_user_id, type = excluded.type, text = excluded.text,
       context_wamid = excluded.context_wamid, message_at = least(m.message_at, excluded.message_at),
       command_id = excluded.command_id, accepted_at = least(m.accepted_at, excluded.accepted_at), item = excluded.item`,
    [
      column(({ data }) => data.phoneNumberId),
      column(({ data }) => data.wamid),
      column(({ data }) => data.wabaId),
      column(({ data }) => data.waId ?? data.to?.slice(1)),
      column(({ data }) => data.recipient),
      column(({ data }) => data.message?.type),
      column(({ data }) => textOf(data)),
      column(({ data }) => (data.message?.context as { message_id?: string } | undefined)?.message_id),
      column(({ data }) => data.commandId),
      column(({ at }) => at),
      column(({ data }) => data.message && Buffer.from(JSON.stringify(data.message))),
    ],
  );
}

/** The text of an outbound message, where its type has one. */
function textOf({ message }: DispatchEventData): string | undefined {
  const content = message?.[String(message.type)] as { body?: unknown; caption?: unknown } | undefined;
  const text = content?.body ?? content?.caption;
  const inner = typeof text === 'object' && text !== null ? (text as { text?: unknown }).text : text;
  return typeof inner === 'string' ? inner.replaceAll('\u0000', '\uFFFD') : undefined;
}
