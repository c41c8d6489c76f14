import fc from 'fast-check';
import { priorities, type Priority } from '../lanes/scheduler';
import { admit, type Asking, recipientKey, tailKey, tailOf, type Tails } from './tails';

const nobody = new Map<string, Priority>();
const asks = (recipient: string, priority: Priority = 'notification', lane = '100'): Asking => ({
  lane,
  recipient,
  priority,
});

function tailsWith(rest: number, held: number): Tails {
  const tails: Tails = new Map();
  Object.assign(tailOf(tails, '100', 'notification'), { rest, held });
  return tails;
}

const isParked = (tails: Tails, asking: readonly Asking[], ahead = nobody, bound = 3) =>
  admit(tails, asking, ahead, nobody, () => bound).map((one) => one.isParked);

it('what a lane may hold is held, and the rest is parked', () => {
  expect(isParked(tailsWith(0, 1), [asks('a'), asks('b'), asks('c')])).toEqual([false, false, true]);
});

it('nothing passes what is parked in its lane and priority, however much room there is', () => {
  expect(isParked(tailsWith(5, 0), [asks('a')])).toEqual([true]);
  expect(isParked(tailsWith(5, 0), [asks('a', 'reply'), asks('a', 'notification', '200')])).toEqual([
    false,
    false,
  ]);
});

it('a message stays behind what is parked for its recipient, and takes its priority', () => {
  const ahead = new Map([[recipientKey(asks('a')), 'notification' as const]]);
  expect(
    admit(tailsWith(5, 0), [asks('a', 'reply'), asks('b', 'reply')], ahead, nobody, () => 3),
  ).toMatchObject([
    { priority: 'notification', isParked: true },
    { priority: 'reply', isParked: false },
  ]);
});

it('what is parked takes the priority of what is in the table for its recipient, though that is in memory too', () => {
  const loaded = new Map([[recipientKey(asks('a')), 'campaign' as const]]);
  const full = tailsWith(0, 3);
  expect(
    admit(full, [asks('a', 'reply'), asks('a'), asks('a', 'reply')], nobody, loaded, () => 3),
  ).toMatchObject([
    { priority: 'reply', isParked: false },
    { priority: 'campaign', isParked: true },
    { priority: 'campaign', isParked: true },
  ]);
});

it('that holds within one batch as well', () => {
  expect(admit(tailsWith(0, 3), [asks('a'), asks('a', 'reply')], nobody, nobody, () => 3)).toMatchObject([
    { priority: 'notification', isParked: true },
    { priority: 'notification', isParked: true },
  ]);
});

it('of each recipient what is held comes before what is parked, and never more than the bound is held', () => {
  const asking = fc.record({
    lane: fc.constantFrom('1', '2'),
    recipient: fc.constantFrom('a', 'b', 'c'),
    priority: fc.constantFrom(...priorities),
  });
  fc.assert(
    fc.property(fc.array(asking, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (all, bound) => {
      const parked = new Set<string>();
      const held = new Map<string, number>();
      admit(new Map(), all, nobody, nobody, () => bound).forEach(({ isParked: isTail, priority }, index) => {
        const one = all[index]!;
        if (isTail) return void parked.add(recipientKey(one));
        expect(parked).not.toContain(recipientKey(one));
        const key = tailKey(one.lane, priority);
        held.set(key, (held.get(key) ?? 0) + 1);
      });
      for (const count of held.values()) expect(count).toBeLessThanOrEqual(bound);
    }),
  );
});
