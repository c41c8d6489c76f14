import { type MessageStatusData } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { scrub } from '@talaria/observability';

/** Meta had taken an attempt of ours, and says now that the message failed. */
export type FailedStatus = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly commandId: string;
  readonly attempt: number;
  readonly wamid: string;
  readonly code: number | undefined;
  readonly title: string | undefined;
};

const STATUS = 'whatsapp.message.status.v1';
/** As the processor writes it. Within a text of a value the quotes would be escaped. */
const FAILED = '"status":"failed"';

/**
 * Reads a record of `whatsapp.events`. Most are something else, and are not parsed.
 * @returns undefined for what is not the failure of a message of ours
 */
export function readFailedStatus({ headers, value }: KafkaRecord): FailedStatus | undefined {
  if (headers.ce_type !== STATUS || value?.includes(FAILED) !== true) return undefined;
  const { status, commandId, attempt, error = {}, ...data } = JSON.parse(String(value)) as MessageStatusData;
  if (status !== 'failed' || commandId === undefined || attempt === undefined) return undefined;
  const { wabaId, phoneNumberId, wamid } = data;
  return {
    wabaId,
    phoneNumberId,
    commandId,
    attempt,
    wamid,
    code: error.code,
    title: error.title && scrub(error.title),
  };
}
