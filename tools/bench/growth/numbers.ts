import { type BenchContext } from '../bench-case';
import { workOf } from '../clocks';
import { resultOf, type Run, runDispatcher } from '../dispatcher/ceiling';
import { UNLIMITED } from '../dispatcher/commands';
import { onSite } from '../dispatcher/site';
import { type Outcome } from '../report';
import { MESSAGES } from './rows';
import { compareSizes, inTurn, sizesOf } from './sizes';

const NUMBERS = [10, 100, 1000, 10_000];

/** As many commands, of few and of many numbers, each of an account of its own. */
export async function growNumbers(context: BenchContext): Promise<Outcome> {
  const all = sizesOf<Run>(NUMBERS);
  await inTurn(context, all, ({ size }) =>
    onSite(context, { limits: false }, async (site) => {
      const senders = await site.addSenders({ count: size, messagesPerSecond: UNLIMITED });
      const count = context.options.records ?? MESSAGES;
      return runDispatcher(site, senders, count, { name: `${size} numbers` });
    }),
  );
  return compareSizes('sending', 'numbers', all, { costOf: ({ used }) => workOf(used), resultOf });
}
