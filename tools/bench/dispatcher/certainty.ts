import { join } from 'node:path';
import { type BenchContext } from '../bench-case';
import { goal, type Outcome, ratioOf } from '../report';
import { MESSAGES, rateOf, resultOf, type Run, runDispatcher, SENDERS } from './ceiling';
import { UNLIMITED } from './commands';
import { onSite } from './site';

const GOAL = 0.6;

/** What it costs to know of every command what became of it: the dispatcher, and the same with a ledger that forgets, in turn. */
export async function compareWithoutLedger(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const count = options.messages ?? MESSAGES;
  const forgetful = { NODE_OPTIONS: `--require ${join(__dirname, 'without-ledger.js')}` };
  const [withLedger, without]: [Run[], Run[]] = [[], []];
  await onSite(context, { limits: false }, async (site) => {
    const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
    for (let number = 1; number <= options.rounds; number++) {
      say(`Round ${number} of ${options.rounds}:`);
      without.push(await runDispatcher(site, senders, count, { name: 'no ledger', env: forgetful }));
      withLedger.push(await runDispatcher(site, senders, count, { name: 'ledger' }));
    }
  });
  const ratio = ratioOf('ledger', 'no ledger', withLedger.map(rateOf), without.map(rateOf), { what: 'rate' });
  return {
    results: [resultOf('ledger', withLedger), resultOf('no ledger', without)],
    ratios: ratio ? [ratio] : [],
    goals: [goal('ledger / no ledger, rate', '>=', GOAL, ratio?.median)],
  };
}
