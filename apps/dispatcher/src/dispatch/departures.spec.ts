import { setImmediate as settled } from 'node:timers/promises';
import { perSecond } from '@talaria/rate-limit';
import { type Bound, paceOf, restsUntil, UNBOUND } from '../lanes/bound';
import { createDepartures, type Departures } from './departures';

describe('a call that waits until it may leave', () => {
  const START = 1000;
  type Call = { readonly lane: string; readonly isLost?: boolean };
  let now: number;
  let timers: { readonly at: number; readonly run: () => void }[];
  let bounds: Map<string, Bound>;
  let departures: Departures<Call>;
  let left: { readonly lane: string; readonly call: number; readonly at: number }[];
  let givenUp: { readonly call: number; readonly at: number }[];

  beforeEach(() => {
    [now, timers, left, givenUp] = [START, [], [], []];
    bounds = new Map(['n', 'm'].map((lane) => [lane, { ...UNBOUND, limit: perSecond(12, 1) }]));
    bounds.set('shared', { ...UNBOUND });
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms: number) => {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return timer;
    }) as never);
    jest.spyOn(globalThis, 'clearTimeout').mockImplementation((timer: unknown) => {
      timers = timers.filter((one) => one !== timer);
    });
    // The real limits of two numbers, and of what they share.
    const boundsOf = ({ lane }: Call) => [bounds.get(lane)!, bounds.get('shared')!];
    departures = createDepartures({
      pace: (call, at) => paceOf(boundsOf(call), at),
      isOff: (call, at) => call.isLost === true || restsUntil(boundsOf(call)) > at,
    });
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

  function ask(lane: string, count: number, isLost: (call: number) => boolean = () => false): void {
    for (let call = 0; call < count; call++)
      void departures
        .leave({ lane, isLost: isLost(call) })
        .then((mayLeave) =>
          mayLeave ? left.push({ lane, call, at: now }) : givenUp.push({ call, at: now }),
        );
  }

  const most = (from: number, ms: number) => left.filter(({ at }) => at >= from && at < from + ms).length;

  it('leaves at once when it may, in its order else, and holds up no other number', async () => {
    ask('n', 3);
    ask('m', 1);
    await settled();
    expect(left).toEqual([
      { lane: 'n', call: 0, at: START },
      { lane: 'm', call: 0, at: START },
    ]);
    await passSlowly(200);
    expect(left.slice(2)).toEqual([
      { lane: 'n', call: 1, at: START + 84 },
      { lane: 'n', call: 2, at: START + 168 },
    ]);
    expect(timers).toEqual([]);
  });

  it('keeps the limit with all others that waited while the process stood still', async () => {
    ask('n', 30);
    await pass(100);
    await pass(3000);
    await passSlowly(3000);
    expect(left).toHaveLength(30);
    for (const { at } of left) expect(most(at, 1000)).toBeLessThanOrEqual(13);
  });

  it('keeps a limit that was lowered while it waited', async () => {
    ask('n', 30);
    await passSlowly(500);
    bounds.get('n')!.limit = perSecond(6, 1);
    await passSlowly(5000);
    expect(left).toHaveLength(30);
    for (const { at } of left) if (at > START + 500) expect(most(at, 1000)).toBeLessThanOrEqual(7);
  });

  it('takes turns with other numbers where they share a limit, however many of one wait', async () => {
    for (const lane of ['n', 'm']) bounds.get(lane)!.limit = perSecond(1000, 1);
    bounds.get('shared')!.limit = perSecond(10, 1);
    ask('n', 20);
    await passSlowly(250);
    ask('m', 5);
    await passSlowly(1000);
    const lanes = left.map(({ lane }) => lane).join('');
    expect(lanes).toMatch(/^nnn(nm|mn){4}/);
  });

  it('leaves also of a process that is always late', async () => {
    ask('n', 3);
    for (let passed = 0; passed < 3; passed++) await pass(500);
    expect(left).toHaveLength(3);
  });

  it('is given up with all behind it when its number rests, and takes nothing', async () => {
    ask('n', 5);
    await passSlowly(90);
    const { paced } = bounds.get('n')!;
    bounds.get('n')!.pausedUntil = Infinity;
    await passSlowly(100);
    expect([left.length, givenUp.length]).toEqual([2, 3]);
    expect(bounds.get('n')!.paced).toBe(paced);
  });

  it('is given up when it is lost, and those behind it have its turn', async () => {
    ask('n', 4, (call) => call === 1 || call === 2);
    await passSlowly(84);
    expect(left.map(({ call }) => call)).toEqual([0, 3]);
    expect(givenUp.map(({ call }) => call)).toEqual([1, 2]);
  });

  it('is given up after ten seconds: its claim says that it was perhaps sent', async () => {
    bounds.get('n')!.limit = perSecond(0.5, 1);
    ask('n', 20);
    await passSlowly(10_000);
    expect(left).toHaveLength(6);
    expect(givenUp).toHaveLength(14);
    for (const { at } of givenUp) expect(at).toBe(START + 10_000);
  });

  it('is given up when the process ends, and so is whoever asks then', async () => {
    ask('n', 3);
    await settled();
    departures.stop();
    ask('n', 1);
    ask('m', 1);
    await settled();
    expect([left.length, givenUp.length]).toEqual([1, 4]);
    expect(timers).toEqual([]);
  });
});
