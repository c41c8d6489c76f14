import { setImmediate as settled } from 'node:timers/promises';
import { perSecond } from '@talaria/rate-limit';
import { type Bound, paceOf, UNBOUND } from '../lanes/bound';
import { createDepartures } from './departures';

describe('a call that waits until it may leave', () => {
  const START = 1000;
  let now: number;
  let timers: { readonly at: number; readonly run: () => void }[];
  let bounds: Map<string, Bound>;
  let left: { readonly call: number; readonly at: number }[];

  beforeEach(() => {
    [now, timers, left] = [START, [], []];
    bounds = new Map(['n', 'm'].map((lane) => [lane, { ...UNBOUND, limit: perSecond(12, 1) }]));
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms: number) => {
      timers.push({ at: now + ms, run });
    }) as never);
  });
  afterEach(() => jest.restoreAllMocks());

  /** All at once: a process that is frozen sees no moment between, and then all timers that are over. */
  async function pass(ms: number): Promise<void> {
    now += ms;
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { run } of due) run();
    await settled();
  }

  async function passSlowly(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) await pass(1);
  }

  /** Of the real limits of two numbers. */
  function ask(count: number): void {
    const leave = createDepartures(({ lane }: { lane: string }, at) => paceOf([bounds.get(lane)!], at));
    for (let call = 0; call < count; call++)
      void leave({ lane: 'n' }).then(() => left.push({ call, at: now }));
    void leave({ lane: 'm' }).then(() => left.push({ call: Infinity, at: now }));
  }

  const ofFirst = () => left.filter(({ call }) => call < Infinity);
  const most = (from: number, ms: number) =>
    ofFirst().filter(({ at }) => at >= from && at < from + ms).length;

  it('leaves at once when it may, in its order else, and holds up no other number', async () => {
    ask(3);
    await settled();
    expect(left).toEqual([
      { call: 0, at: START },
      { call: Infinity, at: START },
    ]);
    await passSlowly(200);
    expect(ofFirst()).toEqual([
      { call: 0, at: START },
      { call: 1, at: START + 84 },
      { call: 2, at: START + 168 },
    ]);
  });

  it('keeps the limit with all others that waited while the process stood still', async () => {
    ask(30);
    await pass(100);
    await pass(3000);
    await passSlowly(3000);
    expect(ofFirst()).toHaveLength(30);
    for (const { at } of left) expect(most(at, 1000)).toBeLessThanOrEqual(13);
  });

  it('keeps a limit that was lowered while it waited', async () => {
    ask(30);
    await passSlowly(500);
    bounds.get('n')!.limit = perSecond(6, 1);
    await passSlowly(5000);
    expect(ofFirst()).toHaveLength(30);
    for (const { at } of left) if (at > START + 500) expect(most(at, 1000)).toBeLessThanOrEqual(7);
  });

  it('leaves also of a process that is always late', async () => {
    ask(3);
    for (let n = 0; n < 3; n++) await pass(500);
    expect(ofFirst()).toHaveLength(3);
  });
});
