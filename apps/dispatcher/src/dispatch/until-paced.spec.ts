import { setImmediate as settled } from 'node:timers/promises';
import { perSecond } from '@talaria/rate-limit';
import { paceOf, UNBOUND } from '../lanes/bound';
import { untilPaced } from './until-paced';

describe('a call that waits for its moment', () => {
  const START = 1000;
  let now: number;
  let timers: { readonly at: number; readonly run: () => void }[];

  beforeEach(() => {
    [now, timers] = [START, []];
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

  it('leaves at once when that is now, and in time otherwise', async () => {
    await untilPaced(() => START);
    const pace = jest.fn(() => START + 80);
    const left = jest.fn();
    void untilPaced(pace).then(left);
    await pass(79);
    expect(left).not.toHaveBeenCalled();
    await pass(1);
    expect(left).toHaveBeenCalledTimes(1);
    expect(pace).toHaveBeenCalledTimes(1);
  });

  it('keeps the limit with all others that waited while the process stood still', async () => {
    const bound = { ...UNBOUND, limit: perSecond(12, 1) };
    const left: number[] = [];
    for (let call = 0; call < 30; call++)
      void untilPaced(() => paceOf([bound], now)).then(() => left.push(now));
    await pass(100);
    await pass(3000);
    for (let ms = 0; ms < 3000; ms++) await pass(1);
    expect(left).toHaveLength(30);
    for (const from of left)
      expect(left.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(13);
  });

  it('is not asked for a third time, so that a process that is always late still sends', async () => {
    const pace = jest.fn(() => now + 80);
    const left = jest.fn();
    void untilPaced(pace).then(left);
    await pass(500);
    await pass(500);
    expect(left).toHaveBeenCalledTimes(1);
    expect(pace).toHaveBeenCalledTimes(2);
  });
});
