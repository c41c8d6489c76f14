/** Part of the session timeout after which an unconfirmed member stops: well before the group gives its partitions away. */
const OWNED = 0.7;

/** Requests whose success says that we have our partitions, as kafkajs names them. */
export type Renewing = 'Heartbeat' | 'SyncGroup';

/**
 * For how long nobody else can have our partitions. The group keeps them for the session timeout from when a request of ours reached it. Its
 * answer may be read much later, when we were frozen in between: so what counts is when the request was sent. Pure: the clock, in
 * monotonic milliseconds, is an argument.
 */
export class Lease {
  private readonly sentAt = new Map<Renewing, number>();
  private from = -Infinity;
  private isJoining = false;
  private inVain = 0;

  constructor(private readonly sessionTimeoutMs: number) {}

  /** An answer has come, not yet known which, to what was asked so long ago. */
  answered(request: Renewing, afterMs: number, now: number): void {
    // As told by the wall clock, which somebody may have set back.
    this.sentAt.set(request, now - Math.max(0, afterMs));
  }

  /** The last heartbeat was confirmed. */
  confirmed(): void {
    this.inVain = this.isJoining ? this.inVain + 1 : 0;
    this.from = this.sentAt.get('Heartbeat') ?? -Infinity;
  }

  /** We ask to join, perhaps again: as soon as all members have, the group gives the partitions out anew. */
  join(): void {
    this.isJoining = true;
  }

  /** We have our part of them. */
  joined(): void {
    this.isJoining = false;
    this.inVain = 0;
    this.from = this.sentAt.get('SyncGroup') ?? -Infinity;
  }

  /** Whether the group may have given our partitions away without our having asked to join again. */
  isOver(now: number): boolean {
    return now - this.from >= OWNED * this.sessionTimeoutMs;
  }

  /** How many heartbeats in a row were confirmed since we asked to join: after many, nobody goes on with that join. */
  get confirmedInVain(): number {
    return this.inVain;
  }

  /** Whether nobody else can have our partitions. */
  holds(now: number): boolean {
    return !this.isJoining && !this.isOver(now);
  }
}
