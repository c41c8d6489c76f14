import { acknowledgedItem, type Update } from '../webhooks/notification';
import { type Follower } from '../webhooks/webhook-queue';
import { LatencyHistogram } from './latency-histogram';
import { RowLog } from './row-log';

export type AcceptedMessage = {
  /** Milliseconds since 1970 at which the request arrived. */
  readonly at: number;
  readonly phoneNumberId: string;
  /** The recipient as it was given. */
  readonly to: string;
  readonly wamid: string;
  readonly callbackData: string | undefined;
  readonly type: string;
  /** The wamid that its context names. */
  readonly answers: string | undefined;
};

/** A send that a scripted fault left without an answer of the Cloud API, whether it was accepted or not. */
export type Unanswered = Pick<AcceptedMessage, 'at' | 'phoneNumberId' | 'to' | 'callbackData'>;

/** A send that went beyond a limit, by Meta's code for it. */
export type OverLimit = Pick<AcceptedMessage, 'at' | 'phoneNumberId' | 'to'> & {
  readonly code: number;
  /** What the number may send in a second. */
  readonly messagesPerSecond: number;
};

/** What checkers compare with what the product believes, and the counts beside it. */
export class Records implements Follower {
  readonly accepted = new RowLog();
  readonly unanswered = new RowLog();
  readonly overLimit = new RowLog();
  readonly acknowledgedItems = new RowLog();
  readonly webhookAnswerMs = new LatencyHistogram();
  private refusals: Record<string, number> = {};
  readMarks = 0;

  get refused(): Readonly<Record<string, number>> {
    return this.refusals;
  }

  addAccepted(message: AcceptedMessage): void {
    this.accepted.add(message);
  }

  addUnanswered(send: Unanswered): void {
    this.unanswered.add(send);
  }

  addOverLimit(send: OverLimit): void {
    this.overLimit.add(send);
  }

  countRefusal(code: number): void {
    this.refusals[code] = (this.refusals[code] ?? 0) + 1;
  }

  acknowledged(updates: readonly Update[], answerMs: number): void {
    this.webhookAnswerMs.add(answerMs);
    for (const update of updates) this.acknowledgedItems.add(acknowledgedItem(update));
  }

  failed(): void {
    // The courier counts failed posts for all.
  }

  clear(): void {
    this.accepted.clear();
    this.unanswered.clear();
    this.overLimit.clear();
    this.acknowledgedItems.clear();
    this.webhookAnswerMs.clear();
    this.refusals = {};
    this.readMarks = 0;
  }
}
