/**
 * Counts what happened in the last `lengthMs`: exactly, not by buckets. Times must not go back. Memory holds the times
 * of one window; something at `t` has left the window at `t + lengthMs`.
 */
export class SlidingWindow {
  private times = new Float64Array(64);
  private first = 0;
  private size = 0;
  private highest = 0;

  constructor(private readonly lengthMs: number) {}

  /** How many happened in the window that ends at `now`. */
  count(now: number): number {
    const mask = this.times.length - 1;
    while (this.size > 0 && now - (this.times[this.first] ?? now) >= this.lengthMs) {
      this.first = (this.first + 1) & mask;
      this.size -= 1;
    }
    return this.size;
  }

  add(now: number): void {
    this.count(now);
    if (this.size === this.times.length) this.grow();
    this.times[(this.first + this.size) & (this.times.length - 1)] = now;
    this.size += 1;
    if (this.size > this.highest) this.highest = this.size;
  }

  /** The most that any window has held. */
  get max(): number {
    return this.highest;
  }

  /** The ring's length stays a power of two, so that a mask can wrap it. */
  private grow(): void {
    const bigger = new Float64Array(this.times.length * 2);
    bigger.set(this.times.subarray(this.first));
    bigger.set(this.times.subarray(0, this.first), this.times.length - this.first);
    this.times = bigger;
    this.first = 0;
  }
}
