/** What a fault does to a send. `accept` decides whether the message goes out all the same. */
export type FaultAnswer =
  | {
      readonly kind: 'error';
      readonly code: number;
      readonly status?: number;
      readonly subcode?: number;
      readonly isTransient?: boolean;
      readonly retryAfterSeconds?: number;
    }
  | {
      readonly kind: 'http';
      readonly status: number;
      readonly body: string;
      readonly contentType: string;
      readonly accept: boolean;
    }
  | { readonly kind: 'hang'; readonly accept: boolean }
  | { readonly kind: 'drop'; readonly accept: boolean }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'failed-status'; readonly code: number };

/** Which sends a fault is for; what is left out matches every send. */
export type FaultMatch = {
  readonly phoneNumberId?: string;
  readonly recipient?: string;
  readonly callbackData?: string;
};

export type Fault = {
  readonly id: number;
  readonly match: FaultMatch;
  readonly answer: FaultAnswer;
  /** How many sends it is still for; null means all until it is removed. */
  timesLeft: number | null;
  applied: number;
};

/** The send as a fault sees it. The recipient matches as it was given, or by its digits. */
export type MatchedSend = {
  readonly phoneNumberId: string;
  readonly recipient: string;
  readonly callbackData: string | undefined;
};

/** The scripted faults, oldest first. One that has been used up is forgotten; its count stays. */
export class Faults {
  private faults: Fault[] = [];
  private lastId = 0;
  private counts: Partial<Record<FaultAnswer['kind'], number>> = {};

  add(match: FaultMatch, times: number | null, answer: FaultAnswer): Fault {
    this.lastId += 1;
    const fault: Fault = { id: this.lastId, match, answer, timesLeft: times, applied: 0 };
    this.faults.push(fault);
    return fault;
  }

  /** The oldest fault for this send. It is spent only by `apply`: a send that a limit refuses leaves it for the next. */
  find(send: MatchedSend): Fault | undefined {
    return this.faults.length === 0 ? undefined : this.faults.find(({ match }) => matches(match, send));
  }

  /** The oldest that lasts, and is about no message: what is asked about the number itself fails by it too. */
  findLasting(phoneNumberId: string): Fault | undefined {
    return this.faults.find(
      ({ match, timesLeft }) =>
        timesLeft === null &&
        match.recipient === undefined &&
        match.callbackData === undefined &&
        (match.phoneNumberId ?? phoneNumberId) === phoneNumberId,
    );
  }

  apply(fault: Fault): void {
    fault.applied += 1;
    this.counts[fault.answer.kind] = (this.counts[fault.answer.kind] ?? 0) + 1;
    if (fault.timesLeft === null) return;
    fault.timesLeft -= 1;
    if (fault.timesLeft <= 0) this.faults = this.faults.filter((other) => other !== fault);
  }

  list(): readonly Fault[] {
    return this.faults;
  }

  /** How often each kind was applied since the last reset. */
  applied(): Readonly<Partial<Record<FaultAnswer['kind'], number>>> {
    return this.counts;
  }

  removeAll(): void {
    this.faults = [];
  }

  resetCounts(): void {
    this.counts = {};
  }
}

function matches(match: FaultMatch, send: MatchedSend): boolean {
  return (
    (match.phoneNumberId === undefined || match.phoneNumberId === send.phoneNumberId) &&
    (match.callbackData === undefined || match.callbackData === send.callbackData) &&
    (match.recipient === undefined || bare(match.recipient) === bare(send.recipient))
  );
}

const bare = (recipient: string) => (recipient.startsWith('+') ? recipient.slice(1) : recipient);
