import { type ParsedCommand } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { commandsSeen } from './dispatch.metrics';
import { type Outlet } from './outlet';

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
