/** All that is known of one message or command, as data. Times are instants; phones and texts are masked unless they were asked for. */
export type Story = {
  readonly wabaId: string | null;
  readonly phoneNumberId: string | null;
  readonly commandId: string | null;
  readonly command: CommandStory | null;
  /** In the order of their versions: each is an event of `whatsapp.dispatches`. */
  readonly attempts: readonly AttemptStory[];
  /** What the command became, oldest first: more than one when a message failed and another was sent for it. */
  readonly messages: readonly MessageStory[];
  readonly deadLetters: readonly LetterStory[];
  /** What it waits for now; empty when it waits for nothing. */
  readonly waits: readonly Wait[];
  /** Of the publisher and of each attempt. */
  readonly traceIds: readonly string[];
};

export type CommandStory = {
  readonly state: string;
  /** When it came into this state. */
  readonly stateAt: Date | null;
  readonly attempts: number;
  readonly recipient: string | null;
  readonly cause: string | null;
  readonly errorCode: number | null;
  readonly errorClass: string | null;
  readonly errorMessage: string | null;
  readonly campaignId: string | null;
  readonly correlationId: string | null;
  /** What its publisher wrote; null while that record was not read. */
  readonly asked: AskedStory | null;
};

export type AskedStory = {
  /** When it was published, by the record's timestamp. */
  readonly at: Date | null;
  readonly priority: string;
  readonly type: string;
  readonly expiresAt: string | null;
  readonly onUnknown: string;
  /** Where it was first read. */
  readonly topic: string;
  readonly partition: number | null;
  readonly offset: number | null;
  readonly traceId: string | null;
  /** Only where contents were asked for. */
  readonly message?: unknown;
  readonly metadata?: unknown;
};

export type AttemptStory = {
  readonly version: number;
  readonly attempt: number;
  readonly state: string;
  readonly startedAt: Date | null;
  readonly toldAt: Date;
  readonly wamid: string | null;
  readonly cause: string | null;
  readonly errorCode: number | null;
  readonly errorClass: string | null;
  readonly errorMessage: string | null;
  readonly fbtraceId: string | null;
  readonly traceId: string | null;
};

export type MessageStory = {
  readonly wamid: string;
  readonly phoneNumberId: string;
  readonly direction: 'inbound' | 'outbound';
  readonly type: string | null;
  readonly contact: string | null;
  readonly status: string | null;
  readonly at: Date;
  readonly quotes: string | null;
  readonly isEcho: boolean;
  readonly acceptedAt: Date | null;
  readonly editedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly statuses: readonly StatusStory[];
  readonly reactions: readonly ReactionStory[];
  /** Only where contents were asked for. */
  readonly text?: string | null;
  readonly editedText?: string | null;
};

export type StatusStory = {
  readonly status: string;
  readonly at: Date;
  /** Of a group; `-` otherwise. */
  readonly participant: string;
  readonly attempt: number | null;
  readonly errorCode: number | null;
  readonly errorTitle: string | null;
  /** What Meta charges for it, where the status says so. */
  readonly pricing: {
    readonly billable: boolean | null;
    readonly model: string | null;
    readonly type: string | null;
    readonly category: string | null;
  } | null;
};

export type ReactionStory = {
  readonly sender: string;
  readonly at: Date;
  /** Null when it was taken back; contents, and so only told where those were asked for. */
  readonly emoji?: string | null;
};

export type LetterStory = {
  readonly id: number;
  readonly topic: string;
  readonly at: Date;
  readonly state: string;
  readonly cause: string;
  readonly code: number | null;
  readonly attempts: number | null;
  readonly message: string | null;
  readonly redrive: {
    readonly id: number;
    readonly by: string;
    readonly at: Date;
    readonly reason: string;
  } | null;
  readonly discard: {
    readonly id: number;
    readonly by: string;
    readonly at: Date;
    readonly reason: string;
  } | null;
};

export type Wait =
  /** In the table behind its lane. */
  | {
      readonly kind: 'backlog';
      readonly priority: string;
      readonly partition: number;
      /** How many stand before it in its priority; when `isMore`, that many at least. */
      readonly ahead: number;
      readonly isMore: boolean;
      /** How many of higher priorities its number has. */
      readonly higher: number;
      readonly since: Date;
    }
  /** For its next attempt, until `dueAt`: in its lane, or in this retry topic. */
  | {
      readonly kind: 'retry';
      readonly topic: string | null;
      readonly dueAt: Date;
      readonly isOverdue: boolean;
    }
  /** An attempt is under way, or its process has died in it, which its successor finds out. */
  | { readonly kind: 'attempt'; readonly since: Date }
  /** A status of it: nobody knows whether Meta took it. */
  | { readonly kind: 'status'; readonly since: Date | null; readonly dueAt: Date | null }
  /** Throttled: it stays in its lane, and no attempt is spent. */
  | { readonly kind: 'throttled'; readonly by: string; readonly dueAt: Date | null }
  /** Nothing is sent of this number, account or app. Without `until` that lasts until somebody takes it back. */
  | {
      readonly kind: 'paused';
      readonly who: 'number' | 'account' | 'app';
      readonly id: string;
      readonly until: Date | null;
      readonly reason: string | null;
    }
  /** Its campaign is cancelled: at its turn it ends without having been sent. */
  | { readonly kind: 'cancelled'; readonly campaignId: string; readonly at: Date };

/** Something that happened, for a line of the timeline. */
export type Happening = {
  readonly at: Date;
  readonly what: string;
  readonly detail: string;
};

/** The story in the order in which it happened. */
export function timelineOf({ command, attempts, messages, deadLetters }: Story): Happening[] {
  const happenings = [
    ...(command?.asked?.at == null
      ? []
      : [{ at: command.asked.at, what: 'asked', detail: `priority ${command.asked.priority}` }]),
    ...attempts.flatMap(happeningsOfAttempt),
    ...messages.flatMap(happeningsOfMessage),
    ...deadLetters.flatMap(happeningsOfLetter),
  ];
  return happenings.sort((one, other) => one.at.getTime() - other.at.getTime());
}

const joined = (...parts: (string | number | null | false | undefined)[]) =>
  parts.filter((part) => part !== null && part !== false && part !== undefined && part !== '').join(', ');

function happeningsOfAttempt(one: AttemptStory): Happening[] {
  const { attempt, state, startedAt, toldAt, cause, errorCode, errorClass, errorMessage, fbtraceId } = one;
  const error = errorClass === null ? null : `${errorClass} ${errorCode ?? ''}`.trim();
  const took = startedAt === null ? null : `call of ${toldAt.getTime() - startedAt.getTime()} ms`;
  const detail = joined(
    attempt > 0 && `attempt ${attempt}`,
    took,
    cause,
    error,
    errorMessage,
    fbtraceId === null ? null : `fbtrace_id ${fbtraceId}`,
  );
  return [{ at: toldAt, what: state, detail }];
}

function happeningsOfMessage(message: MessageStory): Happening[] {
  const { direction, at, type, editedAt, revokedAt, statuses, reactions, isEcho } = message;
  return [
    ...(direction === 'inbound' ? [{ at, what: 'received', detail: type ?? 'its contents never came' }] : []),
    ...(isEcho ? [{ at, what: 'sent by the app', detail: type ?? '' }] : []),
    ...statuses.map((status) => ({
      at: status.at,
      what: status.status,
      detail: joined(
        status.participant !== '-' && `to ${status.participant}`,
        status.errorCode !== null && `${status.errorCode}`,
        status.errorTitle,
        status.pricing !== null && chargeOf(status.pricing),
      ),
    })),
    ...reactions.map((one) => ({
      at: one.at,
      what: 'reaction',
      detail: joined(`of ${one.sender}`, one.emoji),
    })),
    ...(editedAt === null ? [] : [{ at: editedAt, what: 'edited', detail: '' }]),
    ...(revokedAt === null ? [] : [{ at: revokedAt, what: 'revoked', detail: '' }]),
  ];
}

function chargeOf({ billable, model, type, category }: NonNullable<StatusStory['pricing']>): string {
  const charged = billable === null ? '' : billable ? 'charged' : 'not charged';
  return [charged, category, type, model].filter((part) => part !== null && part !== '').join(' ');
}

function happeningsOfLetter({ id, at, cause, code, redrive, discard }: LetterStory): Happening[] {
  return [
    { at, what: 'dead letter', detail: joined(`${id}`, cause, code) },
    ...(redrive === null
      ? []
      : [{ at: redrive.at, what: 're-driven', detail: `letter ${id} by ${redrive.by}: ${redrive.reason}` }]),
    ...(discard === null
      ? []
      : [{ at: discard.at, what: 'discarded', detail: `letter ${id} by ${discard.by}: ${discard.reason}` }]),
  ];
}
