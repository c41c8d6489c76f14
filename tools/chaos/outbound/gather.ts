import { headers, parseCallbackData, retryTiers, topics } from '@talaria/contracts';
import { type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { query } from '../../platform/database';
import { type Platform } from '../../platform/platform';
import { type Evidence } from './evidence';
import { readTopic } from '../read-topic';
import { type Departure, type FailedCall } from '../surroundings/departures';

/** What only the run itself knows. */
export type Witnessed = Pick<
  Evidence,
  'published' | 'deaths' | 'toldAt' | 'lookedForMs' | 'blocked' | 'messagesPerSecond'
> & {
  readonly departures: readonly Departure[] | undefined;
  /** Calls that were waited for as long as a dispatcher waits. */
  readonly late: readonly FailedCall[];
};

/** Reads all lists. To be called when nothing moves any more. */
export async function gather(
  platform: Platform,
  config: KafkaConfig,
  { late, ...witnessed }: Witnessed,
  logger: Logger,
): Promise<Evidence> {
  const { simulator, databaseUrl } = platform;
  const accepted = await simulator.accepted();
  const unanswered = await simulator.unanswered();
  const told = await simulator.acknowledged();
  const letters = await readTopic(config, topics.outboundDlq.name, logger);
  const retries = await Promise.all(retryTiers.map(({ topic }) => readTopic(config, topic.name, logger)));
  return {
    ...witnessed,
    departures: witnessed.departures?.map(({ callbackData, phoneNumberId, at }) => ({
      ...{ commandId: idOf(callbackData), phoneNumberId, at },
    })),
    overLimit: await simulator.overLimit(),
    accepted: accepted.map(({ callbackData, phoneNumberId, to, wamid, at }) => ({
      ...{ commandId: idOf(callbackData), phoneNumberId, to, wamid, at },
    })),
    cutOff: new Set([...unanswered, ...late].map(({ callbackData }) => idOf(callbackData))),
    failed: new Set(told.filter(({ status }) => status === 'failed').map(({ id }) => id)),
    deadLetters: letters.map(({ value, headers: found = {} }) => ({
      value: String(value),
      cause: String(found[headers.dlqCause]),
      at: Date.parse(String(found[headers.dlqAt])),
    })),
    retried: new Set(retries.flat().map(({ value }) => String(value))),
    ledger: await query(
      databaseUrl,
      `SELECT command_id AS id, state, version, attempts, wamid, outcome ->> 'cause' AS cause,
              extract(epoch FROM claimed_at)::float8 * 1000 AS "claimedAt",
              extract(epoch FROM settled_at)::float8 * 1000 AS "settledAt"
       FROM dispatch_commands`,
    ),
    commands: await query(
      databaseUrl,
      'SELECT command_id AS id, state, version, attempts, wamid, cause FROM commands',
    ),
    messages: await query(
      databaseUrl,
      'SELECT wamid, command_id AS "commandId", status FROM messages WHERE command_id IS NOT NULL',
    ),
    parked: (await query<{ id: string }>(databaseUrl, 'SELECT command_id AS id FROM dispatch_backlog')).map(
      ({ id }) => id,
    ),
  };
}

function idOf(callbackData: string | undefined): string {
  return parseCallbackData(callbackData)?.commandId ?? `not ours: ${callbackData ?? ''}`;
}
