// An upstream product on one page: answers every text that a person writes. It knows nothing of Talaria but two topics
// and plain kafkajs: it reads domain events from `whatsapp.events` and asks for messages on `whatsapp.outbound`.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Kafka, logLevel, type Message } from 'kafkajs';

const { KAFKA_BROKERS = 'localhost:9092', KAFKA_PREFIX = '', HTTP_PORT = '3010' } = process.env;
const kafka = new Kafka({
  clientId: 'reply-bot',
  brokers: KAFKA_BROKERS.split(','),
  logLevel: logLevel.ERROR,
});
const producer = kafka.producer({ allowAutoTopicCreation: false });
const consumer = kafka.consumer({
  groupId: `${KAFKA_PREFIX}reply-bot`,
  heartbeatInterval: 1000,
  maxWaitTimeInMs: 100,
});

type MessageReceived = {
  wabaId: string;
  phoneNumberId: string;
  wamid: string;
  from: { phone?: string; userId?: string; name?: string };
  type: string;
  message: { text?: { body?: string } };
};

/** The command that answers an event. Its id is made of the event's: told twice, the person still gets one answer. */
function reply(eventId: string, { wabaId, phoneNumberId, wamid, from, message }: MessageReceived) {
  const text = `Thank you${from.name === undefined ? '' : `, ${from.name}`}! You wrote ${message.text?.body?.length ?? 0} characters.`;
  return {
    id: `reply-${createHash('sha256').update(eventId).digest('hex').slice(0, 32)}`,
    wabaId,
    phoneNumberId,
    ...(from.phone === undefined ? { recipient: from.userId } : { to: `+${from.phone}` }),
    priority: 'reply',
    message: { type: 'text', text: { body: text }, context: { message_id: wamid } },
  };
}

let gathered: Message[] = [];
let sending: Promise<unknown> | undefined;

/** Resolves when Kafka has them. What several partitions bring at the same time goes in one request: a request for each would cost more than all else. */
async function publish(messages: readonly Message[]): Promise<void> {
  gathered.push(...messages);
  sending ??= nextTurn().then(() => {
    const all = gathered;
    [gathered, sending] = [[], undefined];
    return producer.send({ topic: `${KAFKA_PREFIX}whatsapp.outbound`, acks: -1, messages: all });
  });
  await sending;
}

async function main(): Promise<void> {
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: `${KAFKA_PREFIX}whatsapp.events`, fromBeginning: true });
  await consumer.run({
    partitionsConsumedConcurrently: 12,
    // Once a second. By itself kafkajs commits after each batch, and waits for it.
    autoCommit: false,
    autoCommitInterval: 1000,
    eachBatch: async ({ batch, ...progress }) => {
      const commands = batch.messages
        .filter(({ headers }) => String(headers?.ce_type) === 'whatsapp.message.received.v1')
        .map(({ headers, value }) => ({
          id: String(headers?.ce_id),
          event: JSON.parse(String(value)) as MessageReceived,
        }))
        .filter(({ event }) => event.type === 'text')
        .map(({ id, event }) => reply(id, event));
      const messages = commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) }));
      if (messages.length > 0) await publish(messages);
      progress.resolveOffset(batch.lastOffset());
      await progress.commitOffsetsIfNecessary();
    },
  });
  createServer((_request, response) => response.end('ok')).listen(Number(HTTP_PORT));
}

process.once('SIGTERM', () => {
  void Promise.allSettled([consumer.disconnect(), producer.disconnect()]).then(() => process.exit(0));
});
main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
