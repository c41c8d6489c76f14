import { PairLimits } from './pair-limits';
import { SlidingWindow } from './sliding-window';

const SECOND_MS = 1000;

/** The error code that a limit answers with: throughput of the number, or too many to one person. */
export type LimitCode = 130429 | 131056;

type NumberWindows = { readonly sends: SlidingWindow; readonly together: SlidingWindow };

/** The highest counts of any one second. Meta's limit is about both directions together. */
export type HighestPerSecond = { readonly sends: number; readonly together: number };

/** What each number sent and received of late. Refused sends leave no trace here. */
export class SendLimits {
  private readonly windows = new Map<string, NumberWindows>();
  private readonly pairs = new PairLimits();

  /** @returns the code to refuse a send with, or undefined when Meta would take it */
  refusal(
    phoneNumberId: string,
    recipient: string,
    messagesPerSecond: number,
    now: number,
  ): LimitCode | undefined {
    if (this.windowsOf(phoneNumberId).together.count(now) >= messagesPerSecond) return 130429;
    return this.pairs.allows(pairOf(phoneNumberId, recipient), now) ? undefined : 131056;
  }

  countSend(phoneNumberId: string, recipient: string, now: number): void {
    const { sends, together } = this.windowsOf(phoneNumberId);
    sends.add(now);
    together.add(now);
    this.pairs.take(pairOf(phoneNumberId, recipient), now);
  }

  countInbound(phoneNumberId: string, now: number): void {
    this.windowsOf(phoneNumberId).together.add(now);
  }

  highest(): Record<string, HighestPerSecond> {
    return Object.fromEntries(
      [...this.windows].map(([id, { sends, together }]) => [
        id,
        { sends: sends.max, together: together.max },
      ]),
    );
  }

  clear(): void {
    this.windows.clear();
    this.pairs.clear();
  }

  private windowsOf(phoneNumberId: string): NumberWindows {
    let windows = this.windows.get(phoneNumberId);
    if (windows === undefined) {
      windows = { sends: new SlidingWindow(SECOND_MS), together: new SlidingWindow(SECOND_MS) };
      this.windows.set(phoneNumberId, windows);
    }
    return windows;
  }
}

const pairOf = (phoneNumberId: string, recipient: string) => `${phoneNumberId} ${recipient}`;
