import { type Fault } from './nemesis/nemesis';
import { recoveriesOf } from './recovery';

const fault = (until: number, kind: 'postgres-killed' | 'leaders-moved' = 'postgres-killed'): Fault => ({
  ...{ step: { kind, at: 0, ms: 1 }, from: until - 1, until },
});

it('tells how long each way took to let something through that was offered after the fault', () => {
  const ways = {
    // What was offered before it does not count, however late it is done.
    webhooks: [
      { offeredAt: 999, doneAt: 1001 },
      { offeredAt: 1000, doneAt: 1300 },
      { offeredAt: 1100, doneAt: 1200 },
      // Once more: it was done the first time.
      { offeredAt: 1250, doneAt: 900 },
    ],
    commands: [
      { offeredAt: 1000, doneAt: undefined },
      { offeredAt: 1400, doneAt: 1750 },
    ],
  };
  expect(recoveriesOf([fault(1000)], ways)).toEqual([
    {
      ...{ kind: 'postgres-killed', times: 1 },
      byWay: {
        webhooks: { times: 1, median: 200, most: 200 },
        commands: { times: 1, median: 750, most: 750 },
      },
    },
  ]);
});

it('says of a way that nothing went through it any more, and tells kinds apart', () => {
  const ways = {
    webhooks: [
      { offeredAt: 2000, doneAt: 2100 },
      { offeredAt: 3500, doneAt: undefined },
    ],
  };
  const never = { times: 2, median: undefined, most: undefined };
  expect(recoveriesOf([fault(1000), fault(3000), fault(1500, 'leaders-moved')], ways)).toEqual([
    { kind: 'leaders-moved', times: 1, byWay: { webhooks: { times: 1, median: 600, most: 600 } } },
    { kind: 'postgres-killed', times: 2, byWay: { webhooks: never } },
  ]);
});

it('leaves out the faults after which nothing was offered: whether the way was open nobody knows', () => {
  const ways = { webhooks: [{ offeredAt: 2000, doneAt: 2100 }] };
  expect(recoveriesOf([fault(1000), fault(3000), fault(3000, 'leaders-moved')], ways)).toEqual([
    {
      ...{ kind: 'leaders-moved', times: 1 },
      byWay: { webhooks: { times: 0, median: undefined, most: undefined } },
    },
    { kind: 'postgres-killed', times: 2, byWay: { webhooks: { times: 1, median: 1100, most: 1100 } } },
  ]);
});
