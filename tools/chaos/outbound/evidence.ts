import { type Span } from '../span';

/** What was seen of a run, from outside of the platform. Commands are named by their ids. Times are milliseconds since 1970. */
export type Evidence = {
  /** What Kafka confirmed, in the order of publishing. */
  readonly published: readonly Published[];
  /** What Meta's stand-in took, in its order. */
  readonly accepted: readonly Accepted[];
  /**
   * Commands that had a call which Meta's stand-in left without an answer that can be read, or whose answer did not come for as long as a
   * dispatcher waits: a machine that is busy enough needs no fault for that.
   */
  readonly cutOff: ReadonlySet<string>;
  /** Wamids of which it was told that they failed. */
  readonly failed: ReadonlySet<string>;
  /** Recipients whom Meta refuses for good. */
  readonly blocked: ReadonlySet<string>;
  /** While a dispatcher did not run, or was cut off from Meta. */
  readonly deaths: readonly Span[];
  /** Calls to Meta, seen where they were made. Undefined: nobody saw, and each is taken to have been made when it arrived. */
  readonly departures:
    | readonly { readonly commandId: string; readonly phoneNumberId: string; readonly at: number }[]
    | undefined;
  /** What each number may send in a second, while nothing is lowered. */
  readonly messagesPerSecond: ReadonlyMap<string, number>;
  /** When an event told of a message's fate first, by its wamid; by a clock that nobody has set. */
  readonly toldAt: ReadonlyMap<string, number>;
  /** What arrived beyond a limit of Meta's. */
  readonly overLimit: readonly {
    readonly phoneNumberId: string;
    readonly at: number;
    readonly code: number;
    /** What the number might send in a second just then. */
    readonly messagesPerSecond: number;
  }[];
  /** For how long the platform looks for a status before a command's policy decides. */
  readonly lookedForMs: number;
  readonly ledger: readonly (Fate & { readonly claimedAt: number; readonly settledAt: number })[];
  /** Of the read model. */
  readonly commands: readonly Fate[];
  readonly messages: readonly {
    readonly wamid: string;
    readonly commandId: string;
    readonly status: string;
  }[];
  readonly deadLetters: readonly { readonly value: string; readonly cause: string; readonly at: number }[];
  /** Values of the records that were in a retry topic. */
  readonly retried: ReadonlySet<string>;
  /** Commands that still wait in the backlog table. */
  readonly parked: readonly string[];
};

export type Published = {
  readonly id: string;
  readonly phoneNumberId: string;
  readonly to: string;
  /** The record's value, byte for byte. */
  readonly value: string;
  readonly mayResend: boolean;
  readonly expiresAt: number | undefined;
  /** Where it was published, which need not be where its WABA's commands belong. */
  readonly partition: number;
  /** When it was offered to Kafka. */
  readonly at: number;
};

export type Accepted = {
  readonly commandId: string;
  readonly phoneNumberId: string;
  readonly to: string;
  readonly wamid: string;
  readonly at: number;
};

export type Fate = {
  readonly id: string;
  readonly state: string;
  readonly version: number;
  readonly attempts: number;
  readonly wamid: string | null;
  readonly cause: string | null;
};
