/** Lets calls leave as the limits allow: those of a number in the order in which they asked, and numbers in turn. */
export type Departures<Call> = {
  /**
   * Resolves with true when the call may leave; with false when it is not to: nothing was taken from any limit, and its claim is to be given
   * back. A call that waits is claimed, which is "perhaps sent" for everybody else.
   */
  leave(call: Call): Promise<boolean>;
  /** Nothing leaves any more. */
  stop(): void;
};

/** A number may have so many calls under way that they take minutes to leave, when its rate is lowered. */
const MAX_WAIT_MS = 10_000;

type Waiting<Call> = {
  readonly call: Call;
  readonly since: number;
  readonly answer: (mayLeave: boolean) => void;
};

/**
 * The limits are asked when a call is the next, and once more whenever it has waited: so a limit that was lowered meanwhile holds, and what
 * waited while the process was frozen does not leave together. Times are those of the monotonic clock.
 * @param rules.pace takes from the limits when it returns no more than `now`; else it says when to ask again
 * @param rules.isOff whether a call that had to wait is not to leave at all
 */
export function createDepartures<Call extends { readonly lane: string }>(rules: {
  readonly pace: (call: Call, now: number) => number;
  readonly isOff: (call: Call, now: number) => boolean;
}): Departures<Call> {
  const lanes = new Map<string, Waiting<Call>[]>();
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let wakesAt = Infinity;

  /** @returns when to look again, unless it may leave, or is not to */
  function judge({ call, since }: Waiting<Call>, now: number): number | boolean {
    if (isStopped || rules.isOff(call, now)) return false;
    const at = rules.pace(call, now);
    if (at <= now) return true;
    return now >= since + MAX_WAIT_MS ? false : Math.min(at, since + MAX_WAIT_MS);
  }

  function look(): void {
    wakesAt = Infinity;
    const now = performance.now();
    // A lane of which one has left stands behind the others then, and is met again in this very loop.
    for (const [lane, waiting] of lanes) {
      const [first] = waiting;
      const verdict = first === undefined || judge(first, now);
      if (typeof verdict === 'number') {
        wakeAt(verdict, now);
        continue;
      }
      first?.answer(verdict);
      waiting.shift();
      lanes.delete(lane);
      if (waiting.length > 0) lanes.set(lane, waiting);
    }
  }

  function wakeAt(at: number, now: number): void {
    if (at >= wakesAt) return;
    clearTimeout(timer);
    wakesAt = at;
    timer = setTimeout(look, at - now);
  }

  return {
    async leave(call) {
      if (isStopped) return false;
      const now = performance.now();
      const waiting = lanes.get(call.lane);
      const at = waiting === undefined ? rules.pace(call, now) : Infinity;
      if (at <= now) return true;
      return new Promise((answer) => {
        const one = { call, since: now, answer };
        if (waiting === undefined) lanes.set(call.lane, [one]);
        else waiting.push(one);
        wakeAt(at, now);
      });
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      look();
    },
  };
}
