/**
 * Whether calls are made at all, after those of many commands failed. `closed`: they are. `open`: none, until a probe was answered, which sends
 * nothing. `half-open`: one a second; a failure opens it again, for twice as long. From the first success on, `ramping`: twice as many each
 * second, so that what has waited does not come back at once. A command that fails again and again by itself opens nothing. Pure; times in ms of
 * the monotonic clock.
 */
export type Breaker =
  | { readonly state: 'closed'; readonly failing: Failing }
  | { readonly state: 'open'; readonly opened: number; readonly probeAt: number }
  | { readonly state: 'half-open'; readonly opened: number; readonly since: number }
  | {
      readonly state: 'ramping';
      readonly opened: number;
      readonly since: number;
      readonly succeededAt: number;
      readonly failing: Failing;
    };

/** The commands whose calls failed since one succeeded. */
type Failing = readonly string[];

export type BreakerLimits = {
  /** So many commands that fail, and none that succeeds between, open it. */
  readonly failures: number;
  /** How long it then stays open: the first time, and at most. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
};

/** When a call or probe was made, and a number from 0 to below 1 that lengthens the pause after it by up to a quarter. */
export type Call = { readonly startedAt: number; readonly endedAt: number; readonly random: number };

export const CLOSED: Breaker = { state: 'closed', failing: [] };

/** From one a second to more than Meta ever allows a number. */
const RAMP_MS = 11_000;

/** A call failed, and perhaps not because of its command. One that began before the breaker was half-open says nothing new. */
export function failed(breaker: Breaker, command: string, limits: BreakerLimits, call: Call): Breaker {
  if (breaker.state === 'open') return breaker;
  if (breaker.state === 'half-open')
    return call.startedAt < breaker.since ? breaker : opened(breaker.opened + 1, limits, call);
  const failing = breaker.failing.includes(command) ? breaker.failing : [...breaker.failing, command];
  if (failing.length < limits.failures) return { ...breaker, failing };
  return opened(isRamping(breaker, call.endedAt) ? breaker.opened + 1 : 1, limits, call);
}

/** A call was answered as it should be. */
export function succeeded(breaker: Breaker, { startedAt, endedAt }: Call): Breaker {
  if (breaker.state === 'closed') return CLOSED;
  if (breaker.state === 'open' || startedAt < breaker.since) return breaker;
  if (breaker.state === 'half-open')
    return { ...breaker, state: 'ramping', succeededAt: endedAt, failing: [] };
  return isRamping(breaker, endedAt) ? { ...breaker, failing: [] } : CLOSED;
}

/** @param isAnswered whether the probe found things well */
export function probed(breaker: Breaker, isAnswered: boolean, limits: BreakerLimits, call: Call): Breaker {
  if (breaker.state !== 'open') return breaker;
  if (!isAnswered) return opened(breaker.opened + 1, limits, call);
  return { state: 'half-open', opened: breaker.opened, since: call.endedAt };
}

/** @returns calls a second: 0 while it is open, Infinity when it holds nothing back */
export function callsPerSecond(breaker: Breaker, now: number): number {
  if (breaker.state === 'open') return 0;
  if (breaker.state === 'half-open') return 1;
  return isRamping(breaker, now) ? 2 ** ((now - breaker.succeededAt) / 1000) : Infinity;
}

function isRamping(breaker: Breaker, now: number): breaker is Breaker & { state: 'ramping' } {
  return breaker.state === 'ramping' && now - breaker.succeededAt < RAMP_MS;
}

function opened(times: number, { pauseMs, maxPauseMs }: BreakerLimits, { endedAt, random }: Call): Breaker {
  const pause = Math.min(pauseMs * 2 ** (times - 1), maxPauseMs) * (1 + random / 4);
  return { state: 'open', opened: times, probeAt: endedAt + pause };
}
