import { join } from 'node:path';
import { runTool } from '../setup/run-tool';
import { startOwnKafka } from '../setup/own-kafka';
import { useStack } from '../setup/use-stack';
import { repositoryRoot } from '../stack/repository';
import { readArguments } from './arguments';
import { kinds } from './check';
import { makePlan } from './plan';
import { runSoak, type SoakReport } from './run-soak';

const say = (line: string) => console.error(line);
const SHOWN = 10;

// `npm run soak`: sending goes on while everything around it fails; then every list is compared with every other.
runTool(async () => {
  const { minutes, seed = Date.now() % 1_000_000, json } = readArguments(process.argv.slice(2));
  say(`seed ${seed}`);
  const shared = await useStack(say);
  try {
    const directory = join(repositoryRoot(), '.talaria/soak');
    const stack = await startOwnKafka({ directory, databaseUrl: shared.databaseUrl, say });
    try {
      const plan = makePlan({ seed, seconds: minutes * 60 });
      return tell({ seed, ...(await runSoak({ plan, stack, say })) }, json);
    } finally {
      await stack.stop();
    }
  } finally {
    await shared.stop();
  }
});

function tell(report: SoakReport & { readonly seed: number }, json: boolean): number {
  const { seed, published, accepted, deadLettered, findings, ended } = report;
  const counts = kinds.map((kind) => `${findings[kind].length} ${kind}`).join(', ');
  const letters = Object.entries(deadLettered).map(([cause, count]) => `${count} ${cause}`);
  if (json) console.log(JSON.stringify(report));
  else
    console.log(
      `seed ${seed}: ${published} commands, ${accepted} messages, dead letters: ${letters.join(', ') || 'none'}; ${counts}`,
    );
  for (const kind of kinds) for (const finding of findings[kind].slice(0, SHOWN)) say(`${kind}: ${finding}`);
  for (const end of ended) say(`ended by itself: ${end}`);
  return kinds.every((kind) => findings[kind].length === 0) && ended.length === 0 ? 0 : 1;
}
