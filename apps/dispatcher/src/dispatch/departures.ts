/**
 * Resolves when a call may leave; those of a number leave in the order in which they asked. The limits are asked when a call is the next, and
 * once more whenever it has waited: so a limit that was lowered meanwhile holds, and what waited while the process was frozen does not leave
 * together.
 */
export type Departures<Call> = (call: Call) => Promise<void>;

/** @param pace takes from the limits when it returns no more than `now`, of the monotonic clock; else it says when to ask again */
export function createDepartures<Call extends { readonly lane: string }>(
  pace: (call: Call, now: number) => number,
): Departures<Call> {
  /** By number, whoever asked last and waits. */
  const last = new Map<string, Promise<void>>();

  async function untilPaced(call: Call): Promise<void> {
    for (;;) {
      const now = performance.now();
      const at = pace(call, now);
      if (at <= now) return;
      await new Promise((resolve) => setTimeout(resolve, at - now));
    }
  }

  return async (call) => {
    const { lane } = call;
    const turn = (last.get(lane) ?? Promise.resolve()).then(() => untilPaced(call));
    last.set(lane, turn);
    await turn;
    if (last.get(lane) === turn) last.delete(lane);
  };
}
