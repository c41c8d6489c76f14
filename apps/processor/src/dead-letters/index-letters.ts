import { setTimeout as delay } from 'node:timers/promises';
import { groups } from '@talaria/contracts';
import { type Sql } from '@talaria/database';
import { type GroupConsumer, type KafkaConfig, type RecordBatch, startConsumer } from '@talaria/kafka';
import { type Logger, type WorkingClock } from '@talaria/observability';
import { lettersIndexed, letterTopics } from './dead-letters.metrics';
import { readLetter } from './read-letter';
import { recordLetters } from './record-letters';

export type LetterIndex = {
  /** For liveness: why it makes no progress by itself. */
  fault(): string | undefined;
  /** For readiness. */
  notReady(): string | undefined;
  close(): Promise<void>;
};

const START_EVERY_MS = 1000;
const STARTS_WITHIN_MS = 3000;

/**
 * Keeps the table `dead_letters` up to date with the dead-letter topics: every record becomes a row, once, before its offset is committed.
 * While Kafka or the database is away it waits.
 */
export function indexLetters(options: {
  readonly config: KafkaConfig;
  readonly sql: Sql;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
  readonly clock?: WorkingClock;
}): LetterIndex {
  const { config, sql, logger, onFatal, clock } = options;
  const closing = new AbortController();
  let consumer: GroupConsumer | undefined;

  async function take({ records, done }: RecordBatch): Promise<undefined> {
    const now = Date.now();
    const found = records.map((record) => ({ record, letter: readLetter(record, now) }));
    const fresh = await recordLetters(sql, found);
    for (const { record, letter } of fresh) lettersIndexed.inc({ topic: record.topic, cause: letter.cause });
    for (const { offset } of records) done(offset);
  }

  const starting = (async () => {
    while (consumer === undefined && !closing.signal.aborted) {
      consumer = await startConsumer({
        config,
        groupId: groups.deadLetters,
        handlers: new Map(letterTopics.map((topic) => [topic, take])),
        logger,
        onFatal,
        clock,
      }).catch(async (error: unknown) => {
        logger.error({ err: error }, 'dead letters are not indexed yet');
        await delay(START_EVERY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
        return undefined;
      });
    }
  })();

  return {
    fault: () => consumer?.fault(),
    notReady: () =>
      consumer?.joined() === true ? undefined : 'dead letters are not indexed: not a member of the group yet',
    async close() {
      closing.abort();
      // A start that Kafka keeps waiting may take longer than the process has for its end.
      await Promise.race([starting, delay(STARTS_WITHIN_MS, undefined, { ref: false })]);
      await consumer?.close();
    },
  };
}
