import { topics } from '@talaria/contracts';
import {
  createVerifiedProducer,
  type KafkaConfig,
  type KafkaRecord,
  type VerifiedProducer,
} from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type DataSource } from 'typeorm';
import { runVersions, type Versions } from '../src/rebuild/run-versions';
import { aStatus, aTextMessage, aWebhook } from './records';

export const processorTopics = [topics.webhooks, topics.dispatches, topics.webhooksDlq, topics.events].map(
  ({ name }) => name,
);

/** What versions run on; of a test's own. */
export type Ground = {
  readonly kafka: {
    readonly config: KafkaConfig;
    readAll(topic: string): Promise<KafkaRecord[]>;
    close(): Promise<void>;
  };
  readonly database: { readonly url: string; readonly dataSource: DataSource; close(): Promise<void> };
  readonly logger: Logger;
};

export type VersionsRig = Pick<Ground, 'kafka' | 'database'> & {
  /** May write to every topic. */
  readonly producer: VerifiedProducer;
  /** A processor as a process runs it; as many as wanted. */
  start(): Versions;
  /** Ends the processors, then the ground. */
  close(): Promise<void>;
};

/** Processors that run every version that stands in the database. */
export async function versionsRig({ kafka, database, logger }: Ground): Promise<VersionsRig> {
  const producer = await createVerifiedProducer({
    config: kafka.config,
    clientId: 'spec',
    topics: processorTopics,
    logger,
  });
  const running: Versions[] = [];
  return {
    kafka,
    database,
    producer,
    start() {
      const versions = runVersions(database.dataSource, {
        config: { ...kafka.config, DATABASE_URL: database.url, DATABASE_POOL_SIZE: 4 },
        producer,
        logger,
        onFatal: (error) => {
          throw error;
        },
      });
      running.push(versions);
      return versions;
    },
    async close() {
      await Promise.all(running.map((one) => one.close()));
      await producer.close();
      await database.close();
      await kafka.close();
    },
  };
}

export type Traffic = {
  /** The ids of the events that what was published so far must lead to. */
  readonly due: ReadonlySet<string>;
  stop(): Promise<void>;
};

const NUMBER = '106540352242922';
const PEOPLE = 7;

/** Messages, their statuses, and repeats of both in other partitions than the first, one after another until it is stopped. @param name of its own, where there are two */
export function startTraffic({ producer }: Pick<VersionsRig, 'producer'>, name = 'wamid'): Traffic {
  const due = new Set<string>();
  let stopping = false;
  const publish = async (wamid: string, person: number) => {
    const phone = `1650555${String(person).padStart(4, '0')}`;
    const key = `key ${person % PEOPLE}`;
    const message = aWebhook({ value: { messages: [aTextMessage({ id: wamid, from: phone })] } }).value;
    const status = aWebhook({ value: { statuses: [aStatus({ id: wamid, recipient_id: phone })] } }).value;
    for (const value of [message, status]) await producer.send({ topic: topics.webhooks.name, key, value });
    if (person % 3 === 0)
      await producer.send({ topic: topics.webhooks.name, key: `${key} again`, value: message });
    due.add(`${NUMBER}/${wamid}`).add(`${NUMBER}/${wamid}/sent/-`);
  };
  const sending = Promise.all(
    [0, 1, 2, 3].map(async (lane) => {
      for (let index = 0; !stopping; index++) await publish(`${name}.${lane}-${index}`, 4 * index + lane);
    }),
  );
  return {
    due,
    async stop() {
      stopping = true;
      await sending;
    },
  };
}

/** The ids of all events, in the order of their partitions. */
export async function eventIds({ kafka }: Pick<VersionsRig, 'kafka'>): Promise<string[]> {
  const events = await kafka.readAll(topics.events.name);
  return events.map(({ headers }) => headers.ce_id ?? '');
}
