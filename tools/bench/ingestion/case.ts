import { type BenchCase, type BenchContext } from '../bench-case';
import { appSecret } from '../ground';
import { type Generator, startGenerator } from '../load/generator';
import { joinOutcomes, noOutcome, type Outcome } from '../report';
import { type Ground, openGround } from './ground';
import { measureItems } from './items';
import { measureLatency } from './latency';
import { outage } from './outage';
import { measureProbes } from './probes';
import { compareRates } from './rates';
import { soak } from './soak';

/** @param before what the parts before it have measured */
type Part = (ground: Ground, before: Outcome) => Promise<Outcome>;

const partsOnTheStack: Readonly<Record<string, Part>> = {
  rates: compareRates,
  items: measureItems,
  latency: measureLatency,
  soak,
  probes: measureProbes,
};

/** How fast webhooks are received and stored, and at what cost. */
export const ingestion: BenchCase = {
  summary:
    'webhooks received and stored: rates against other ways to do it, items, latency, memory, an outage',
  parts: [...Object.keys(partsOnTheStack), 'outage'],
  usualParts: ['rates', 'items', 'latency'],
  async run(context) {
    const generator = startGenerator(appSecret, context.signal);
    try {
      const before = await runOnTheStack(context, generator);
      if (!context.options.parts.includes('outage')) return before;
      return joinOutcomes(before, await outage(context, generator, before));
    } finally {
      await generator.stop();
    }
  },
};

async function runOnTheStack(context: BenchContext, generator: Generator): Promise<Outcome> {
  const { options, stack, say } = context;
  const parts = options.parts.flatMap((name) => partsOnTheStack[name] ?? []);
  let outcome: Outcome = noOutcome;
  if (parts.length === 0) return outcome;
  if (stack.kafkaPids.length === 0)
    say('KAFKA_BROKERS names a server that is not ours: what it costs is not known.');
  const ground = await openGround(context, stack, generator);
  try {
    for (const part of parts) outcome = joinOutcomes(outcome, await part(ground, outcome));
    return outcome;
  } finally {
    await ground.close();
  }
}
