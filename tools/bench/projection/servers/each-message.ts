import 'reflect-metadata';
import { createServer } from 'node:http';
import { Kafka } from 'kafkajs';
import { DataSource, EntitySchema, QueryFailedError, type Repository } from 'typeorm';

const { HTTP_PORT, KAFKA_BROKERS = '', DATABASE_URL = '', TOPIC = '' } = process.env;

type Row = Record<string, unknown>;
type Entity = Record<string, string>;
type Pricing = { billable: boolean; pricing_model: string; type: string; category: string };
type Media = { id: string; mime_type: string; sha256: string; caption: string };
type Message = {
  id: string;
  from: string;
  from_user_id: string;
  timestamp: string;
  type: string;
  text?: { body: string };
  image?: Media;
};
type Status = {
  id: string;
  status: 'sent' | 'delivered' | 'read';
  timestamp: string;
  recipient_id: string;
  recipient_user_id: string;
  biz_opaque_callback_data: string;
  pricing: Pricing;
};
type Notification = {
  entry: [
    {
      id: string;
      changes: [
        { value: { metadata: { phone_number_id: string }; messages?: Message[]; statuses?: Status[] } },
      ];
    },
  ];
};

/** Its own tables, with the columns and indexes of Talaria's. */
const MESSAGES = 'each_messages';
const STATUSES = 'each_statuses';

function entity(tableName: string, keys: readonly string[], columns: Entity): EntitySchema<Row> {
  const all = Object.entries(columns).map(([name, type]) => [
    name,
    { type, nullable: true, primary: keys.includes(name) },
  ]);
  return new EntitySchema<Row>({ name: tableName, tableName, columns: Object.fromEntries(all) as never });
}

const person = { waba_id: 'text', contact_phone: 'text', contact_user_id: 'text' };
const key = { phone_number_id: 'text', wamid: 'text', month: 'date' };
const messages = entity(MESSAGES, Object.keys(key), {
  ...key,
  ...person,
  direction: 'text',
  type: 'text',
  text: 'text',
  media_id: 'text',
  media_mime_type: 'text',
  media_sha256: 'text',
  message_at: 'timestamptz',
  arrived_at: 'timestamptz',
  command_id: 'text',
  sent_at: 'timestamptz',
  delivered_at: 'timestamptz',
  read_at: 'timestamptz',
  item: 'bytea',
});
const statuses = entity(STATUSES, [...Object.keys(key), 'status', 'participant'], {
  ...key,
  ...person,
  status: 'text',
  participant: 'text',
  status_at: 'timestamptz',
  pricing_billable: 'boolean',
  pricing_model: 'text',
  pricing_type: 'text',
  pricing_category: 'text',
  command_id: 'text',
  attempt: 'integer',
  item: 'bytea',
});

const timeOf = (seconds: string) => new Date(Number(seconds) * 1000);
const monthOf = (at: Date) => `${at.toISOString().slice(0, 7)}-01`;

/** A row that is there already is no error. @returns whether it was new */
async function insertOnce(repository: Repository<Row>, row: Row): Promise<boolean> {
  try {
    await repository.insert(row);
    return true;
  } catch (error) {
    if (error instanceof QueryFailedError && (error.driverError as { code?: string }).code === '23505')
      return false;
    throw error;
  }
}

// A consumer as it is commonly written: a message at a time, an ORM, and a unique key against repeats.
async function main(): Promise<void> {
  const dataSource = await new DataSource({
    type: 'postgres',
    url: DATABASE_URL,
    entities: [messages, statuses],
    poolSize: 10,
  }).initialize();
  await dataSource.query(`CREATE TABLE ${MESSAGES} (LIKE projection_1.messages INCLUDING ALL)`);
  await dataSource.query(`CREATE TABLE ${STATUSES} (LIKE projection_1.message_statuses INCLUDING ALL)`);
  const messageRows = dataSource.getRepository<Row>(messages);
  const statusRows = dataSource.getRepository<Row>(statuses);

  async function saveMessage(message: Message, wabaId: string, phoneNumberId: string): Promise<void> {
    const at = timeOf(message.timestamp);
    await insertOnce(messageRows, {
      phone_number_id: phoneNumberId,
      wamid: message.id,
      month: monthOf(at),
      waba_id: wabaId,
      contact_phone: message.from,
      contact_user_id: message.from_user_id,
      direction: 'inbound',
      type: message.type,
      text: message.text?.body ?? message.image?.caption,
      media_id: message.image?.id,
      media_mime_type: message.image?.mime_type,
      media_sha256: message.image?.sha256,
      message_at: at,
      arrived_at: at,
      item: Buffer.from(JSON.stringify(message)),
    });
  }

  async function saveStatus(status: Status, wabaId: string, phoneNumberId: string): Promise<void> {
    const at = timeOf(status.timestamp);
    const [, commandId, attempt] = status.biz_opaque_callback_data.split('/');
    const common = {
      phone_number_id: phoneNumberId,
      wamid: status.id,
      month: monthOf(at),
      waba_id: wabaId,
      contact_phone: status.recipient_id,
      contact_user_id: status.recipient_user_id,
      command_id: commandId,
    };
    const isNew = await insertOnce(statusRows, {
      ...common,
      status: status.status,
      participant: '-',
      status_at: at,
      pricing_billable: status.pricing.billable,
      pricing_model: status.pricing.pricing_model,
      pricing_type: status.pricing.type,
      pricing_category: status.pricing.category,
      attempt: Number(attempt),
      item: Buffer.from(JSON.stringify(status)),
    });
    if (!isNew) return;
    const happened = { [`${status.status}_at`]: at };
    const { phone_number_id, wamid, month } = common;
    const { affected } = await messageRows.update({ phone_number_id, wamid, month }, happened);
    if (affected === 0)
      await insertOnce(messageRows, { ...common, direction: 'outbound', arrived_at: at, ...happened });
  }

  const kafka = new Kafka({ clientId: 'each-message', brokers: KAFKA_BROKERS.split(',') });
  const consumer = kafka.consumer({ groupId: `${TOPIC}.each-message` });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const notification = JSON.parse(String(message.value)) as Notification;
      const [{ id, changes }] = notification.entry;
      const { metadata, ...value } = changes[0].value;
      for (const one of value.messages ?? []) await saveMessage(one, id, metadata.phone_number_id);
      for (const one of value.statuses ?? []) await saveStatus(one, id, metadata.phone_number_id);
    },
  });
  createServer((_request, response) => response.end()).listen(Number(HTTP_PORT), '127.0.0.1');
  process.once('SIGTERM', () => {
    void consumer.disconnect().finally(() => process.exit(0));
  });
}

void main();
