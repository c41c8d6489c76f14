import { performance } from 'node:perf_hooks';

const BEAT_MS = 50;
/** A second, as the limits look back, and what a stall lets pile up for the next one. */
const REMEMBERED_MS = 2000;

/**
 * How long this process was held up of late, by a machine that is too busy: calls that were sent one after the other meanwhile are taken at once,
 * and counted as if they had been sent at once.
 */
export class Stalls {
  private readonly known: { readonly until: number; readonly ms: number }[] = [];
  private last: number;
  private readonly beat: NodeJS.Timeout;

  /** @param now milliseconds of a monotonic clock */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.last = now();
    this.beat = setInterval(() => this.look(), BEAT_MS).unref();
  }

  /** The longest of the last two seconds, the one that ends now included; in milliseconds. */
  longest(): number {
    this.look();
    return Math.round(Math.max(0, ...this.known.map(({ ms }) => ms)));
  }

  close(): void {
    clearInterval(this.beat);
  }

  private look(): void {
    const now = this.now();
    const ms = now - this.last - BEAT_MS;
    this.last = now;
    while (this.known[0] !== undefined && now - this.known[0].until > REMEMBERED_MS) this.known.shift();
    if (ms > 0) this.known.push({ until: now, ms });
  }
}
