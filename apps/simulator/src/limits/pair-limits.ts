import { availableAt, RESTED, take, type Gcra, type Limit } from '@talaria/rate-limit';

/** One message in 6 s from a number to a person; 45 may come at once and are paid for by silence afterwards. */
export const PAIR_LIMIT: Limit = { intervalMs: 6000, burst: 45 };

const SWEEP_FROM = 10_000;

/** The limit of every (number, recipient) that has not rested yet. */
export class PairLimits {
  private readonly states = new Map<string, Gcra>();
  private sweepAbove = SWEEP_FROM;

  allows(pair: string, now: number): boolean {
    return availableAt(this.states.get(pair) ?? RESTED, PAIR_LIMIT) <= now;
  }

  take(pair: string, now: number): void {
    this.states.set(pair, take(this.states.get(pair) ?? RESTED, PAIR_LIMIT, now));
    if (this.states.size > this.sweepAbove) this.forgetRested(now);
  }

  get size(): number {
    return this.states.size;
  }

  clear(): void {
    this.states.clear();
    this.sweepAbove = SWEEP_FROM;
  }

  /** Doubling the threshold keeps the sweeping linear in the number of sends. */
  private forgetRested(now: number): void {
    for (const [pair, state] of this.states) if (state <= now) this.states.delete(pair);
    this.sweepAbove = Math.max(SWEEP_FROM, this.states.size * 2);
  }
}
