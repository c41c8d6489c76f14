import { type Clock } from '../clock';

/** One timer that rings at the earliest time asked for. A thousand waiting things need a single timer. */
export class Alarm {
  private timer: NodeJS.Timeout | undefined;
  private ringsAt = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  /** Rings at `at`, unless it will ring before. */
  by(at: number | undefined): void {
    if (at === undefined || at >= this.ringsAt) return;
    clearTimeout(this.timer);
    this.ringsAt = at;
    const delayMs = Math.min(Math.max(1, Math.ceil(at - this.clock())), 60_000);
    this.timer = setTimeout(() => {
      this.ringsAt = Infinity;
      this.ring();
    }, delayMs);
  }

  cancel(): void {
    clearTimeout(this.timer);
    this.ringsAt = Infinity;
  }
}
