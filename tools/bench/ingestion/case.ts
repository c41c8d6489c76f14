import { type BenchCase, type BenchContext } from '../bench-case';
import { startGenerator } from '../load/generator';
import { type Outcome } from '../report';
import { appSecret, type Ground, openGround } from './ground';
import { compareRates } from './rates';

const parts: Readonly<Record<string, (ground: Ground, before: Outcome) => Promise<Outcome>>> = {
  rates: compareRates,
};

/** How fast webhooks are received and stored, and at what cost. */
export const ingestion: BenchCase = {
  summary:
    'webhooks received and stored: rates against other ways to do it, items, latency, memory, an outage',
  parts: Object.keys(parts),
  usualParts: ['rates'],
  async run(context: BenchContext) {
    const generator = startGenerator(appSecret, context.signal);
    try {
      return await runParts(context, generator);
    } finally {
      await generator.stop();
    }
  },
};

async function runParts(
  context: BenchContext,
  generator: ReturnType<typeof startGenerator>,
): Promise<Outcome> {
  const { options, stack, say } = context;
  if (stack.kafkaPids.length === 0)
    say('KAFKA_BROKERS names a server that is not ours: what it costs is not known.');
  const ground = await openGround(context, stack, generator);
  try {
    let outcome: Outcome = { results: [], ratios: [], goals: [] };
    for (const name of options.parts) {
      const more = await parts[name]?.(ground, outcome);
      if (more)
        outcome = {
          results: [...outcome.results, ...more.results],
          ratios: [...outcome.ratios, ...more.ratios],
          goals: [...outcome.goals, ...more.goals],
        };
    }
    return outcome;
  } finally {
    await ground.close();
  }
}
