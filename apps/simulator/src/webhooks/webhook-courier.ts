import { type Clock } from '../clock';
import { type Random } from '../random';
import { Alarm } from './alarm';
import { type PostResult } from './webhook-client';
import { Timeline } from './timeline';

/** One body on its way. */
export type Webhook = {
  readonly body: string;
  readonly signature: string;
  /** Called once, with how long the POST that got 200 took. */
  readonly acknowledged: (answerMs: number) => void;
  /** Called for each POST that did not get 200. */
  readonly failed: () => void;
};

type Parcel = { readonly webhook: Webhook; attempts: number };

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

/** The wait after the given number of failed posts: doubling, capped, ±25 %. */
export function retryDelayMs(attempts: number, random: Random): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1)) * (0.75 + random() / 2);
}

/** Posts each body until it is answered with exactly 200; never more than `concurrency` at once. */
export class WebhookCourier {
  readonly counts = { sent: 0, acknowledged: 0, retried: 0 };
  private readonly due = new Timeline<Parcel>();
  private readonly alarm: Alarm;
  private inFlight = 0;
  private generation = 0;

  constructor(
    private readonly post: (body: string, signature: string) => Promise<PostResult>,
    private readonly concurrency: number,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.alarm = new Alarm(clock, () => this.pump());
  }

  send(webhook: Webhook, at: number): void {
    this.due.add(at, { webhook, attempts: 0 });
    this.pump();
  }

  /** Forgets all that waits; what is on its way will report to nobody. */
  clear(): void {
    this.generation += 1;
    this.due.clear();
    this.alarm.cancel();
    Object.assign(this.counts, { sent: 0, acknowledged: 0, retried: 0 });
  }

  private pump(): void {
    const now = this.clock();
    while (this.inFlight < this.concurrency) {
      const parcel = this.due.takeDue(now);
      if (parcel === undefined) {
        this.alarm.by(this.due.nextAt);
        return;
      }
      void this.deliver(parcel);
    }
  }

  private async deliver(parcel: Parcel): Promise<void> {
    const { generation } = this;
    const { webhook } = parcel;
    this.inFlight += 1;
    this.counts.sent += 1;
    const startedAt = this.clock();
    const result = await this.post(webhook.body, webhook.signature);
    this.inFlight -= 1;
    if (generation === this.generation) this.settle(parcel, result, this.clock() - startedAt);
    this.pump();
  }

  private settle(parcel: Parcel, result: PostResult, answerMs: number): void {
    if (result === 200) {
      this.counts.acknowledged += 1;
      parcel.webhook.acknowledged(answerMs);
      return;
    }
    parcel.attempts += 1;
    this.counts.retried += 1;
    parcel.webhook.failed();
    this.due.add(this.clock() + retryDelayMs(parcel.attempts, this.random), parcel);
  }
}
