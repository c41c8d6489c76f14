/** Milliseconds: half of the values are at most p50, 99 % at most p99. */
export type LatencySummary = {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

const GROWTH = 1.02;
const SMALLEST_MS = 0.01;
const BUCKETS = 1024;

/** Counts durations in buckets that grow by 2 %: constant memory, and a percentile is at most 2 % above the truth. */
export class LatencyHistogram {
  private readonly buckets = new Uint32Array(BUCKETS);
  private count = 0;
  private max = 0;

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / Math.log(GROWTH));
    const index = Math.min(bucket, BUCKETS - 1);
    this.buckets[index] = (this.buckets[index] ?? 0) + 1;
    this.count += 1;
    if (ms > this.max) this.max = ms;
  }

  summary(): LatencySummary {
    return {
      count: this.count,
      p50: this.percentile(0.5),
      p99: this.percentile(0.99),
      max: rounded(this.max),
    };
  }

  clear(): void {
    this.buckets.fill(0);
    this.count = 0;
    this.max = 0;
  }

  private percentile(share: number): number {
    let seen = 0;
    for (const [index, inBucket] of this.buckets.entries()) {
      seen += inBucket;
      if (seen >= this.count * share && seen > 0) {
        return rounded(Math.min(SMALLEST_MS * GROWTH ** index, this.max));
      }
    }
    return 0;
  }
}

const rounded = (ms: number) => Math.round(ms * 100) / 100;
