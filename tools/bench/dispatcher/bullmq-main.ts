import { createServer } from 'node:http';
import { Worker } from 'bullmq';
import { Pool } from 'undici';
import { type WorkerOrder } from './bullmq';
import { type Post } from './bare';

// A sender as many have it: a queue for each rate, and a worker that posts what is in it. Of what a job became it remembers nothing.
const { url, redisPort, connections, queues } = JSON.parse(process.env.ORDER ?? '') as WorkerOrder;
const pool = new Pool(url, { connections });

async function send({ path, token, body: text }: Post): Promise<void> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: text,
  });
  const answer = await body.text();
  if (statusCode !== 200) throw new Error(`${statusCode}: ${answer}`);
}

const connection = { host: '127.0.0.1', port: redisPort };
const workers = queues.map(
  ({ name, concurrency, limiter }) =>
    new Worker<Post>(name, ({ data }) => send(data), {
      connection,
      concurrency,
      ...(limiter && { limiter }),
    }),
);
for (const worker of workers) worker.on('error', (error) => console.error(error));

void Promise.all(workers.map((worker) => worker.waitUntilReady())).then(() => {
  createServer((_request, response) => response.end()).listen(Number(process.env.HTTP_PORT), '127.0.0.1');
});
process.once('SIGTERM', () => {
  void Promise.all(workers.map((worker) => worker.close())).then(() => process.exit(0));
});
