// Asks Talaria for one message and waits for its fate: the client package, nothing else.
//
//   npm install @talaria/client
//   KAFKA_BROKERS=localhost:9092 WABA_ID=1000 PHONE_NUMBER_ID=2000 TO=+15550001111 npx tsx publish-command.ts
import { randomUUID } from 'node:crypto';
import { connectTalaria } from '@talaria/client';

const {
  KAFKA_BROKERS = 'localhost:9092',
  KAFKA_PREFIX = '',
  WABA_ID = '',
  PHONE_NUMBER_ID = '',
} = process.env;

async function main(): Promise<void> {
  const talaria = await connectTalaria({ brokers: KAFKA_BROKERS.split(','), prefix: KAFKA_PREFIX });
  try {
    const fate = await talaria.publishAndAwait(
      {
        // The idempotency key. One from your own data, like "order-4711-shipped", stays the same when you publish again.
        id: `typescript-${randomUUID()}`,
        wabaId: WABA_ID,
        phoneNumberId: PHONE_NUMBER_ID,
        to: process.env.TO ?? '',
        message: { type: 'text', text: { body: 'Hello from TypeScript' } },
      },
      { timeoutMs: 60_000 },
    );
    const detail = fate.state === 'accepted' ? fate.wamid : fate.error?.message;
    console.log(fate.commandId, fate.state, detail ?? '');
  } finally {
    await talaria.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
