import { median, type Outcome } from '../report';
import { type Ground } from './ground';
import { measure, rateOf } from './measure';
import { type Receiver } from './receivers';

const CONNECTIONS = 256;
const ROUNDS = 3;
const MEASURE_MS = 2000;

/** Half of what Talaria takes over 256 connections: as the rates have told, else measured now. Requests a second. */
export async function halfRate(ground: Ground, talaria: Receiver, { results }: Outcome): Promise<number> {
  const known = results.find(({ name, connections }) => name === 'talaria' && connections === CONNECTIONS);
  if (known) return Math.round(known.rate.median / 2);
  ground.say('How much Talaria takes is measured first:');
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const run = await measure(ground, talaria, {
      connections: CONNECTIONS,
      itemsPerBody: 1,
      loop: { kind: 'closed' },
      measureMs: MEASURE_MS,
    });
    rates.push(rateOf(run));
  }
  return Math.round(median(rates) / 2);
}
