import { headers, type LetterCause, letterCauses } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';

/** What the index knows of a dead letter, beside its bytes. What its headers do not tell, or tell wrongly, is null. */
export type Letter = {
  readonly deadAt: Date;
  readonly cause: LetterCause;
  readonly class: string | null;
  readonly code: number | null;
  readonly message: string | null;
  readonly fbtraceId: string | null;
  readonly attempts: number | null;
  readonly firstFailureAt: Date | null;
  readonly lastFailureAt: Date | null;
  readonly originTopic: string | null;
  readonly originPartition: number | null;
  readonly originOffset: number | null;
  readonly traceId: string | null;
  readonly wabaId: string | null;
  readonly phoneNumberId: string | null;
  readonly commandId: string | null;
  readonly campaignId: string | null;
  readonly expiresAt: Date | null;
};

const INT4 = 2 ** 31 - 1;

/**
 * Reads a record of a dead-letter topic. Anybody may have written it: whatever it holds, it becomes a row that the database takes.
 * @param now milliseconds since 1970; counts where the record has no time of its own
 */
export function readLetter({ headers: found, timestamp, value }: KafkaRecord, now: number): Letter {
  const { wabaId, phoneNumberId, commandId, campaignId, expiresAt } = senderOf(value);
  return {
    deadAt: time(found[headers.dlqAt]) ?? plausible(timestamp) ?? new Date(now),
    cause: letterCauses.find((cause) => cause === found[headers.dlqCause]) ?? 'other',
    class: word(found[headers.errorClass]),
    code: whole(found[headers.metaCode], INT4),
    message: text(found[headers.errorMessage], 512),
    fbtraceId: text(found[headers.fbtraceId], 256),
    attempts: whole(found[headers.attempts], INT4),
    firstFailureAt: time(found[headers.firstFailureAt]),
    lastFailureAt: time(found[headers.lastFailureAt]),
    originTopic: text(found[headers.originalTopic], 249),
    originPartition: whole(found[headers.originalPartition], INT4),
    originOffset: whole(found[headers.originalOffset], Number.MAX_SAFE_INTEGER),
    traceId: /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(found.traceparent ?? '')?.[1] ?? null,
    wabaId: matching(/^[0-9]{1,32}$/, wabaId),
    phoneNumberId: matching(/^[0-9]{1,32}$/, phoneNumberId),
    commandId: matching(/^[A-Za-z0-9._:-]{1,128}$/, commandId),
    campaignId: matching(/^[A-Za-z0-9._:-]{1,128}$/, campaignId),
    expiresAt: time(expiresAt),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** Whose it is: of a command, also one with faults, of an event of the dispatcher, or of a webhook's item. */
function senderOf(value: Buffer | null): Fields {
  const body = parse(value);
  const [entry] = listOf(body.entry);
  if (entry === undefined) return { ...body, commandId: body.commandId ?? body.id };
  const [change] = listOf(entry.changes);
  const { metadata } = fieldsOf(change?.value);
  return { wabaId: entry.id, phoneNumberId: fieldsOf(metadata).phone_number_id };
}

function parse(value: Buffer | null): Fields {
  try {
    return fieldsOf(JSON.parse(String(value)));
  } catch {
    return {};
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);

const matching = (form: RegExp, value: unknown) =>
  typeof value === 'string' && form.test(value) ? value : null;

const word = (found: string | undefined) => matching(/^[a-z-]{1,64}$/, found);

/** Postgres takes no null character. */
function text(found: string | undefined, most: number): string | null {
  return found?.slice(0, most).replaceAll('\0', '') ?? null;
}

function whole(found: string | undefined, most: number): number | null {
  const number = /^\d{1,16}$/.test(found ?? '') ? Number(found) : Infinity;
  return number <= most ? number : null;
}

/** No message is older than WhatsApp, and what lies in a far future would stand on top of every list for ever. */
const EARLIEST = Date.UTC(2009, 0);
const LATEST = Date.UTC(2100, 0);

function plausible(ms: number): Date | null {
  return ms >= EARLIEST && ms <= LATEST ? new Date(ms) : null;
}

function time(found: unknown): Date | null {
  return typeof found === 'string' && /^\d{4}-/.test(found) ? plausible(Date.parse(found)) : null;
}
