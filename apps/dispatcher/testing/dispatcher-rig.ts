import { randomUUID } from 'node:crypto';
import {
  type DispatchEventData,
  headers,
  parseCallbackData,
  retryTiers,
  type SendMessage,
  topics,
} from '@talaria/contracts';
import { type DataSource } from 'typeorm';
import { createDataSource, sqlOf, Waba } from '@talaria/database';
import { createKafka, type KafkaConfig, type KafkaRecord, startConsumer } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';

/** What a rig needs of the whole platform, which runs as processes; tools/platform has it. */
export type RunningPlatform = {
  readonly kafkaPrefix: string;
  readonly databaseUrl: string;
  readonly metricsUrls: { readonly dispatcher: string };
  readonly simulator: { accepted(): Promise<readonly Accepted[]> };
  addNumber(number: NewNumber): Promise<void>;
  replaceToken(phoneNumberIds: readonly string[], accessToken: string): Promise<void>;
};

/** A message that Meta's stand-in accepted. */
export type Accepted = {
  readonly at: number;
  readonly phoneNumberId: string;
  readonly to: string;
  readonly wamid: string;
  readonly callbackData?: string;
};

export type NewNumber = {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly displayPhoneNumber: string;
  readonly accessToken: string;
  readonly messagesPerSecond: number;
  readonly pausedUntil?: string;
};

/** What a test does to a dispatcher, and wants to know of it. */
export type DispatcherRig = {
  /** A business number of a WABA of its own, which nobody else uses. */
  newNumber(messagesPerSecond?: number): Promise<NewNumber>;
  /** Another number of the same WABA. */
  newSibling(number: NewNumber): Promise<NewNumber>;
  /** What all numbers of the WABA may send together; null lifts it. The dispatcher knows of it when a second has passed. */
  limitAccount(number: NewNumber, messagesPerSecond: number | null): Promise<void>;
  /** How many commands of the number are parked in the table. */
  parked(number: NewNumber): Promise<number>;
  cancelCampaign(number: NewNumber, campaignId: string): Promise<void>;
  /** A statement on the platform's database. */
  sql<Row>(text: string, parameters?: readonly unknown[]): Promise<Row[]>;
  publish(records: readonly Published[]): Promise<void>;
  /** What Meta's stand-in accepted from this number, in order. */
  accepted(number: Pick<NewNumber, 'phoneNumberId'>): Promise<readonly Accepted[]>;
  /** The events of a command so far, by version; repeats are left out. */
  eventsOf(commandId: string): readonly TypedEvent[];
  deadLettersOf(value: string | Buffer): readonly KafkaRecord[];
  retriesOf(value: string): readonly KafkaRecord[];
  /** A counter of the dispatcher, like `talaria_dispatch_commands_total{result="repeated"}`. */
  counter(line: string): Promise<number>;
  mendToken(number: NewNumber, accessToken: string): Promise<void>;
  close(): Promise<void>;
};

export type Published = {
  readonly key: string;
  readonly value: string | Buffer;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
};

export type TypedEvent = DispatchEventData & { readonly type: string };

export async function startDispatcherRig(
  platform: RunningPlatform,
  config: KafkaConfig,
  logger: Logger,
): Promise<DispatcherRig> {
  const producer = createKafka(config, 'test-product', logger).producer();
  await producer.connect();
  const seen = new Map<string, KafkaRecord[]>();
  const written = [topics.outboundDlq, topics.dispatches, ...retryTiers.map(({ topic }) => topic)];
  const observer = await startConsumer({
    config,
    groupId: `observer-${randomUUID()}`,
    handlers: new Map(
      written.map((topic) => {
        const records: KafkaRecord[] = [];
        seen.set(topic.name, records);
        return [
          topic.name,
          (batch) => {
            records.push(...batch.records);
            return Promise.resolve(undefined);
          },
        ];
      }),
    ),
    logger,
    onFatal: (error) => {
      throw error;
    },
  });
  const recordsOf = (topic: { readonly name: string }, value: string | Buffer) =>
    (seen.get(topic.name) ?? []).filter((record) => record.value?.equals(Buffer.from(value)));
  /** By command and id. */
  const eventsOf = new Map<string, Map<string, TypedEvent>>();
  let eventsRead = 0;
  let numbers = 0;

  async function addNumber(messagesPerSecond: number, waba?: string): Promise<NewNumber> {
    const digits = String(100_000 + numbers++);
    const number = {
      phoneNumberId: `55${digits}`,
      wabaId: waba ?? `77${digits}`,
      displayPhoneNumber: `+1555${digits}`,
      accessToken: `token-${digits}`,
      messagesPerSecond,
    };
    await platform.addNumber(number);
    return number;
  }

  async function withDatabase<T>(work: (dataSource: DataSource) => Promise<T>): Promise<T> {
    const settings = { DATABASE_URL: platform.databaseUrl, DATABASE_POOL_SIZE: 1 };
    const dataSource = await createDataSource(settings).initialize();
    return work(dataSource).finally(() => dataSource.destroy());
  }

  return {
    newNumber: (messagesPerSecond = 80) => addNumber(messagesPerSecond),
    newSibling: ({ messagesPerSecond, wabaId }) => addNumber(messagesPerSecond, wabaId),
    async limitAccount({ wabaId }, messagesPerSecond) {
      await withDatabase((dataSource) =>
        dataSource.getRepository(Waba).update({ wabaId }, { messagesPerSecond }),
      );
    },
    parked: ({ phoneNumberId }) =>
      withDatabase(async (dataSource) => {
        const [row] = await sqlOf(dataSource)<{ depth: string }>(
          'SELECT coalesce(sum(depth), 0) AS depth FROM backlog WHERE phone_number_id = $1',
          [phoneNumberId],
        );
        return Number(row?.depth);
      }),
    async cancelCampaign({ wabaId }, campaignId) {
      await withDatabase((dataSource) =>
        sqlOf(dataSource)('INSERT INTO cancelled_campaigns (waba_id, campaign_id) VALUES ($1, $2)', [
          wabaId,
          campaignId,
        ]),
      );
    },
    sql: (text, parameters = []) => withDatabase((dataSource) => sqlOf(dataSource)(text, parameters)),
    async publish(records) {
      const messages = records.map((record) => ({ ...record }));
      await producer.send({ topic: platform.kafkaPrefix + topics.outbound.name, acks: -1, messages });
    },
    async accepted({ phoneNumberId }) {
      return (await platform.simulator.accepted()).filter((one) => one.phoneNumberId === phoneNumberId);
    },
    eventsOf(commandId) {
      const records = seen.get(topics.dispatches.name) ?? [];
      for (const { value, headers: found } of records.slice(eventsRead)) {
        const data = JSON.parse(String(value)) as DispatchEventData;
        const events = eventsOf.get(data.commandId) ?? new Map<string, TypedEvent>();
        eventsOf.set(data.commandId, events.set(found.ce_id ?? '', { ...data, type: found.ce_type ?? '' }));
      }
      eventsRead = records.length;
      return [...(eventsOf.get(commandId)?.values() ?? [])].sort((a, b) => a.version - b.version);
    },
    deadLettersOf: (value) => recordsOf(topics.outboundDlq, value),
    retriesOf: (value) => retryTiers.flatMap(({ topic }) => recordsOf(topic, value)),
    async counter(line) {
      const text = await (await fetch(platform.metricsUrls.dispatcher)).text();
      const found = text.split('\n').find((one) => one.startsWith(`${line} `));
      return Number(found?.slice(line.length + 1) ?? Number.NaN);
    },
    mendToken: ({ phoneNumberId }, accessToken) => platform.replaceToken([phoneNumberId], accessToken),
    async close() {
      await observer.close();
      await producer.disconnect();
    },
  };
}

/** A command with a text; of another recipient each time, unless told. */
export function aCommand(number: NewNumber, fields: Partial<SendMessage> = {}): SendMessage {
  const id = `cmd-${randomUUID()}`;
  return {
    id,
    wabaId: number.wabaId,
    phoneNumberId: number.phoneNumberId,
    to: `+1${String(parseInt(id.slice(4, 12), 16)).padStart(10, '0')}`,
    message: { type: 'text', text: { body: 'hello' } },
    ...fields,
  };
}

export function recordOf(command: SendMessage): { readonly key: string; readonly value: string } {
  return { key: command.wabaId, value: JSON.stringify(command) };
}

export function commandIdOf({ callbackData }: Accepted): string | undefined {
  return parseCallbackData(callbackData)?.commandId;
}

/** What a dead letter or a retry says of itself, without the times. */
export function storyOf(record: KafkaRecord): Record<string, string | undefined> {
  return {
    cause: record.headers[headers.dlqCause],
    code: record.headers[headers.metaCode],
    attempts: record.headers[headers.attempts],
    topic: record.headers[headers.originalTopic],
  };
}
