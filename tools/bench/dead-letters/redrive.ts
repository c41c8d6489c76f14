import { topics } from '@talaria/contracts';
import { inTransaction } from '@talaria/database';
import { createVerifiedProducer, fetchLogRanges } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { redriveTopics, sendRedrive, takeLetters } from '@talaria/operations';
import { type BenchContext } from '../bench-case';
import { cpuColumns, readClocks, usedForEach } from '../clocks';
import { goal, type Outcome, round, spread } from '../report';
import { fillLetters, type LetterSite, onLetterSite } from './letters';

const LETTERS = 100_000;
const PER_SECOND = 2000;

/** Sends every letter again at a set rate. The dispatcher, which has its own limits, does not run. */
export async function measureRedrive(context: BenchContext): Promise<Outcome> {
  const letters = context.options.records ?? LETTERS;
  const runs = [];
  for (let number = 1; number <= context.options.rounds; number++) {
    const run = await onLetterSite(context, (site) => redriveAll(site, letters));
    context.say(
      `round ${number} of ${context.options.rounds}: ${run.rate} a second, taken in ${run.takingMs} ms`,
    );
    runs.push(run);
  }
  const rate = spread(
    runs.map((run) => run.rate),
    1,
  );
  const kept = runs.map((run) => run.rate / PER_SECOND);
  return {
    results: [
      {
        ...{ name: `re-drive of ${letters}`, rate, p50Ms: null, p99Ms: null, set: PER_SECOND },
        ...cpuColumns(runs.map(({ used }) => used)),
        takingMs: spread(
          runs.map(({ takingMs }) => takingMs),
          0,
        ),
      },
    ],
    ratios: [{ of: 'achieved rate', to: 'set rate', ...spread(kept) }],
    goals: [
      goal('achieved / set rate, lowest', '>=', 0.97, round(Math.min(...kept), 4)),
      goal('achieved / set rate, highest', '<=', 1, round(Math.max(...kept), 4)),
      goal('letters that are not in Kafka exactly once', '=', 0, Math.max(...runs.map(({ apart }) => apart))),
    ],
  };
}

async function redriveAll(site: LetterSite, letters: number) {
  const { ground, dataSource, database } = site;
  await fillLetters(site, letters, 100);
  const producer = await createVerifiedProducer({
    ...{ config: ground.config, clientId: 'bench', topics: redriveTopics },
    logger: createLogger('bench', 'error'),
  });
  ground.atClose(() => producer.close());
  const begun = performance.now();
  const order = { filter: {}, perSecond: PER_SECOND, correction: undefined };
  const redrive = await inTransaction(dataSource, (sql) =>
    takeLetters(sql, order, { reason: 'bench', by: 'bench' }),
  );
  if (redrive === undefined) throw new Error('there were no letters');
  const before = await readClocks(ground, process.pid, database);
  const from = performance.now();
  let first: number | undefined;
  const onProgress = ({ sent }: { readonly sent: number }) => (first ??= sent);
  const { signal } = ground;
  const done = await sendRedrive(
    { dataSource, producer, perSecond: PER_SECOND, signal, onProgress },
    redrive,
  );
  const to = performance.now();
  const used = usedForEach(before, await readClocks(ground, process.pid, database), letters);
  signal.throwIfAborted();
  return {
    // The first step leaves at once: it takes none of the time.
    rate: round(((done.sent - (first ?? 0)) * 1000) / (to - from), 1),
    used,
    takingMs: Math.round(from - begun),
    apart: Math.abs(letters - (await countRecords(site))),
  };
}

async function countRecords({ ground: { admin, config } }: LetterSite): Promise<number> {
  const topic = config.KAFKA_PREFIX + topics.outbound.name;
  const ranges = (await fetchLogRanges(admin, [topic])).get(topic);
  return [...(ranges?.values() ?? [])].reduce((sum, { high, low }) => sum + high - low, 0);
}
