import { type ParsedCommand, parseSendMessage } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { commandsSeen } from './dispatch.metrics';
import { type Outlet } from './outlet';

/** Far more than Meta takes. Above it a retry or an event, which add to it, could be more than a broker takes. */
const MAX_COMMAND_BYTES = 512 * 1024;

export function readCommand({ value }: KafkaRecord): ParsedCommand {
  if (value === null || value.length <= MAX_COMMAND_BYTES) return parseSendMessage(value);
  return { ok: false, cause: 'invalid', problems: [`the value is longer than ${MAX_COMMAND_BYTES} bytes`] };
}

/** Dead-letters a record that is no command. */
export async function refuse(
  { outlet, logger }: { readonly outlet: Outlet; readonly logger: Logger },
  record: KafkaRecord,
  { cause, problems }: Extract<ParsedCommand, { ok: false }>,
): Promise<void> {
  const { topic, partition, offset } = record;
  commandsSeen.inc({ result: 'undecodable' });
  logger.warn(
    { topic, partition, offset, cause, problems },
    'a record is not a command and was dead-lettered',
  );
  await outlet.deadLetter(record, { cause, message: problems.join('; '), attempts: 0 });
}
