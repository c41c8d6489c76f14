import {
  type Breaker,
  type BreakerLimits,
  callsPerSecond,
  CLOSED,
  failed,
  probed,
  succeeded,
} from './breaker';

const limits: BreakerLimits = { failures: 3, pauseMs: 1000, maxPauseMs: 8000 };
const at = (time: number, startedAt = time) => ({ startedAt, endedAt: time, random: 0 });
const failing = (...commands: string[]) =>
  commands.reduce<Breaker>((breaker, command) => failed(breaker, command, limits, at(0)), CLOSED);
const open = failing('a', 'b', 'c');
const halfOpen = probed(open, true, limits, at(1000));
const ramping = succeeded(halfOpen, at(2000));

it('opens when so many commands fail and none succeeds between', () => {
  expect(failing('a', 'b')).toMatchObject({ state: 'closed' });
  expect(open).toEqual({ state: 'open', opened: 1, probeAt: 1000 });
  expect(failed(succeeded(failing('a', 'b'), at(0)), 'c', limits, at(0))).toMatchObject({ state: 'closed' });
});

it('is not opened by a command that fails again and again', () => {
  expect(failing('a', 'a', 'a', 'b', 'a')).toMatchObject({ state: 'closed' });
});

it('lets no call through while it is open, whatever those under way come to', () => {
  expect(callsPerSecond(open, 900)).toBe(0);
  expect(failed(open, 'd', limits, at(500))).toBe(open);
  expect(succeeded(open, at(500))).toBe(open);
});

it('is probed after twice as long each time, up to a limit, and by chance a quarter later', () => {
  const pauses: number[] = [];
  let breaker = open;
  for (let times = 0; times < 5; times++) {
    breaker = probed(breaker, false, limits, at(0));
    if (breaker.state === 'open') pauses.push(breaker.probeAt);
  }
  expect(pauses).toEqual([2000, 4000, 8000, 8000, 8000]);
  const late = failed(failing('a', 'b'), 'c', limits, { ...at(0), random: 0.5 });
  expect(late).toMatchObject({ probeAt: 1125 });
});

it('lets one a second through after a probe was answered; the next failure opens it again', () => {
  expect(callsPerSecond(halfOpen, 1000)).toBe(1);
  expect(failed(halfOpen, 'a', limits, at(1500))).toEqual({ state: 'open', opened: 2, probeAt: 3500 });
});

it('is not judged by calls that began before the probe', () => {
  expect(failed(halfOpen, 'a', limits, at(1500, 900))).toBe(halfOpen);
  expect(succeeded(halfOpen, at(1500, 900))).toBe(halfOpen);
});

it('doubles what it lets through every second after a success, and is closed in the end', () => {
  expect([2000, 3000, 5000, 12_000].map((now) => callsPerSecond(ramping, now))).toEqual([1, 2, 8, 1024]);
  expect(callsPerSecond(ramping, 13_000)).toBe(Infinity);
  expect(succeeded(ramping, at(12_999))).toMatchObject({ state: 'ramping' });
  expect(succeeded(ramping, at(13_000))).toBe(CLOSED);
});

it('opens again for longer when calls fail while it ramps, and anew when they fail long after', () => {
  const reopened = (time: number) =>
    ['a', 'b', 'c'].reduce<Breaker>((one, command) => failed(one, command, limits, at(time)), ramping);
  expect(reopened(5000)).toMatchObject({ state: 'open', opened: 2 });
  expect(reopened(60_000)).toMatchObject({ state: 'open', opened: 1 });
  expect(failed(ramping, 'a', limits, at(5000))).toMatchObject({ state: 'ramping' });
});
