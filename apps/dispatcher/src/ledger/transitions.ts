/** Where a command stands in the ledger. */
export type State =
  'claimed' | 'retrying' | 'unknown' | 'accepted' | 'failed' | 'cancelled' | 'dead-lettered';

type Transition = { readonly from: State; readonly to: State };

const step = (from: State, to: State): Transition => ({ from, to });

/**
 * Every way from one state to another. A command begins as `claimed`; there is no other way, since the ledger's statements are made from this table.
 */
export const transitions = {
  /** Its next attempt begins. */
  retry: step('retrying', 'claimed'),
  /** Somebody re-drives its dead letter. */
  redrive: step('dead-lettered', 'claimed'),

  /** Meta took it. */
  accept: step('claimed', 'accepted'),
  /** It failed for now, was throttled, or was given back by a process that may not send any more. */
  postpone: step('claimed', 'retrying'),
  /** Nobody knows whether Meta took it. */
  lose: step('claimed', 'unknown'),
  /** Its campaign was cancelled before it was sent. */
  cancel: step('claimed', 'cancelled'),
  /** It failed for good, or its attempts are used up. */
  giveUp: step('claimed', 'dead-lettered'),

  /** A status brought its wamid, or the call's own answer came after another process had given it up. */
  find: step('unknown', 'accepted'),
  /** Likewise, and Meta had refused it for now. */
  findRefused: step('unknown', 'retrying'),
  /** Nothing was found in time: it is sent once more, knowingly. */
  resend: step('unknown', 'retrying'),
  /** Nothing was found in time, and nobody may send it again; or Meta had refused it for good. */
  abandon: step('unknown', 'dead-lettered'),

  /** A status tells that what Meta took has failed: for now, */
  failForNow: step('accepted', 'retrying'),
  /** for good, */
  fail: step('accepted', 'failed'),
  /** or once too often. The same where the answer of the call is not known. */
  exhaust: step('accepted', 'dead-lettered'),
  failUnknownForNow: step('unknown', 'retrying'),
  failUnknown: step('unknown', 'failed'),
  exhaustUnknown: step('unknown', 'dead-lettered'),
  failLostForNow: step('claimed', 'retrying'),
  failLost: step('claimed', 'failed'),
  exhaustLost: step('claimed', 'dead-lettered'),
} as const satisfies Record<string, Transition>;

export type TransitionName = keyof typeof transitions;

/** How a call, or the search for what came of it, ends. */
export const settlements = [
  ...(['accept', 'postpone', 'lose', 'cancel', 'giveUp'] as const),
  ...(['find', 'findRefused', 'abandon'] as const),
] satisfies readonly TransitionName[];

/** What a failed status does. */
export const failures = [
  ...(['failForNow', 'fail', 'exhaust'] as const),
  ...(['failUnknownForNow', 'failUnknown', 'exhaustUnknown'] as const),
  ...(['failLostForNow', 'failLost', 'exhaustLost'] as const),
] satisfies readonly TransitionName[];

/** As rows of SQL: `('claimed', 'accepted'), …`. */
export function pairsOf(names: readonly TransitionName[]): string {
  return names.map((name) => `('${transitions[name].from}', '${transitions[name].to}')`).join(', ');
}
