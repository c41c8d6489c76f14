import { Kafka } from 'kafkajs';
import { receiveWebhooks } from './receive-webhooks';

const LINGER_MS = 3;

type Waiting = {
  readonly key: string;
  readonly value: Buffer;
  resolve(): void;
  reject(error: unknown): void;
};

// What one writes in an afternoon: kafkajs, and records of 3 ms sent together. It has none of the promises that Talaria's producer makes.
async function main(): Promise<void> {
  const { KAFKA_BROKERS = '', TOPIC: topic = '' } = process.env;
  const producer = new Kafka({ brokers: KAFKA_BROKERS.split(',') }).producer({
    allowAutoTopicCreation: false,
  });
  let waiting: Waiting[] = [];
  await producer.connect();

  function flush(): void {
    const batch = waiting;
    waiting = [];
    const messages = batch.map(({ key, value }) => ({ key, value }));
    producer.send({ topic, acks: -1, messages }).then(
      () => batch.forEach((one) => one.resolve()),
      (error: unknown) => batch.forEach((one) => one.reject(error)),
    );
  }

  await receiveWebhooks(
    ({ entry }, value) =>
      new Promise<void>((resolve, reject) => {
        const key = entry[0].changes[0].value.messages[0].from;
        if (waiting.push({ key, value, resolve, reject }) === 1) setTimeout(flush, LINGER_MS);
      }),
  );
}

void main();
