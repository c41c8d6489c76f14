import { type WorkingClock } from '@talaria/observability';

/** Longer than any rebalance, or failover, or statement of a handler, takes: after it whoever hangs does so for ever. */
const STALLED_MS = 120_000;
/** What is asked for the metrics alone, whether the consumer fetches or not. */
const FOR_METRICS = new Set(['ListOffsets', 'Metadata']);

/**
 * Whether a consumer makes progress by itself. What it does counts, and what it tries in vain while the brokers are away: only one that does
 * nothing at all hangs.
 */
export class Watchdog {
  /** Handlers at work, and since when they have not said that they are alive. */
  private readonly handling = new Map<Promise<void>, { since: number }>();
  private lastSign: number;

  /** @param clock in milliseconds; stands while what handlers wait for is away */
  constructor(private readonly clock: Pick<WorkingClock, 'now'>) {
    this.lastSign = clock.now();
  }

  /** It has done something, or tried to. */
  readonly sign = (): void => {
    this.lastSign = this.clock.now();
  };

  /** A request, by kafkajs's name of it, was answered, or was given up. */
  asked(apiName: string): void {
    if (!FOR_METRICS.has(apiName)) this.sign();
  }

  /** Watches a handler until it ends, which may say meanwhile that it is alive. Ends as the handler does. */
  handle(handler: (alive: () => void) => Promise<void>): Promise<void> {
    const silent = { since: this.clock.now() };
    const work = handler(() => (silent.since = this.clock.now())).finally(() => this.handling.delete(work));
    this.handling.set(work, silent);
    return work;
  }

  /** The handlers that have not ended. */
  get atWork(): Promise<void>[] {
    return [...this.handling.keys()];
  }

  /**
   * @param joiningMs for how long it has asked to join its group, and was told only that it is known there
   * @returns why it makes no progress; undefined when it does
   */
  fault(joiningMs: number): string | undefined {
    const now = this.clock.now();
    const stalled = `${STALLED_MS / 1000} s`;
    if (now - this.lastSign > STALLED_MS) return `has neither asked the brokers nor tried to for ${stalled}`;
    if (joiningMs > STALLED_MS)
      return `has asked to join its group ${stalled} ago, and sends heartbeats only`;
    const hangs = [...this.handling.values()].some(({ since }) => now - since > STALLED_MS);
    return hangs ? `a batch is not handled after ${stalled}` : undefined;
  }
}
