import { sign } from '@talaria/whatsapp';
import { Pool } from 'undici';
import { freePorts } from '../../stack/ports';
import { appSecret } from '../ground';
import { startTalaria } from '../ingestion/receivers';
import { cpuColumns, readClocks, usedForEach } from '../clocks';
import { cpuMsOf } from '../cpu-time';
import { openLoop } from '../load/open-loop';
import { goal, type Outcome, round, spread } from '../report';
import { type Ground } from './ground';
import { forgetGroups } from './projecting';
import { bodyOf } from './records';
import { watchVisibility } from './visibility';

const PER_SECOND = 200;
const WARM_UP_S = 5;
const MEASURE_S = 20;
const CONNECTIONS = 64;
const GOALS_MS = { p50: 100, p99: 400 };

/** Signed webhooks through ingestion, Kafka and the processor: from the 200 to the row that readers see. */
export async function measureLatency(ground: Ground): Promise<Outcome> {
  const { topic, signal, say } = ground;
  await topic.fill(0);
  await forgetGroups(ground);
  const database = await ground.openDatabase();
  const [metricsPort = 0] = await freePorts(1);
  const processor = await ground.startServer('processor', 'apps/processor/src/main.js', {
    DATABASE_URL: database.url,
    METRICS_PORT: String(metricsPort),
  });
  const ingestion = await startTalaria(ground);
  const pool = new Pool(`http://127.0.0.1:${ingestion.server.options.httpPort}`, {
    connections: CONNECTIONS,
  });
  const count = PER_SECOND * (WARM_UP_S + MEASURE_S);
  const first = topic.take(count);
  const clocks = async () => {
    const { app, ...others } = await readClocks(ground, processor.pid, database);
    const [received, generated] = [cpuMsOf([ingestion.server.pid ?? 0]), cpuMsOf([process.pid])];
    return { ingestion: received, processor: app, ...others, generator: generated };
  };
  const before = await clocks();
  const startsAt = performance.now();
  const visibility = watchVisibility(database, () => performance.now() > startsAt + WARM_UP_S * 1000);
  let refused = 0;
  say(`Latency: ${PER_SECOND} webhooks a second for ${WARM_UP_S + MEASURE_S} s.`);
  await openLoop(PER_SECOND, count, signal, async (place) => {
    if ((await post(pool, bodyOf(first + place, new Date()))) === 200) visibility.expect(first + place);
    else refused++;
  });
  const { p50, p99, max, unseen } = await visibility.end();
  const cpu = cpuColumns([usedForEach(before, await clocks(), count)]);
  await pool.destroy();
  await ingestion.stop();
  await processor.stop();
  await database.drop();
  const result = { p50Ms: round(p50, 1), p99Ms: round(p99, 1), maxMs: round(max, 1), refused, unseen };
  return {
    results: [{ name: 'from 200 to the row', rate: spread([PER_SECOND]), ...cpu, ...result }],
    ratios: [],
    goals: [
      goal('from 200 to the row, p50 ms', '<=', GOALS_MS.p50, result.p50Ms),
      goal('from 200 to the row, p99 ms', '<=', GOALS_MS.p99, result.p99Ms),
      goal('answered 200 and never seen, or refused', '=', 0, unseen + refused),
    ],
  };
}

async function post(pool: Pool, body: Buffer): Promise<number> {
  const { statusCode, body: answer } = await pool.request({
    method: 'POST',
    path: '/webhooks/whatsapp',
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': sign(body, appSecret) },
    body,
  });
  await answer.dump();
  return statusCode;
}
