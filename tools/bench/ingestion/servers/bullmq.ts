import { Queue } from 'bullmq';
import { receiveWebhooks } from './receive-webhooks';

// What many do instead of Kafka: a job for each webhook in a queue on Redis.
const { REDIS_PORT, QUEUE = '' } = process.env;
const queue = new Queue(QUEUE, { connection: { host: '127.0.0.1', port: Number(REDIS_PORT) } });
void receiveWebhooks((notification) => queue.add('webhook', notification));
