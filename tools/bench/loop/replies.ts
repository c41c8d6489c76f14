import { type Accepted, type Acknowledged } from '../../platform/simulator';

export type Replies = {
  /** From when a message was due to when Meta's stand-in accepted its first reply, in milliseconds; those without a reply are left out. */
  readonly delays: readonly number[];
  /** Messages without a reply. */
  readonly lost: number;
  /** Replies beyond the first to the same message. */
  readonly doubled: number;
  /** Messages that were accepted and answer nothing that was asked. */
  readonly unasked: number;
};

/**
 * Brings together what people wrote and what answers it, by the wamid that a reply quotes.
 * @param warmUp so many messages, those that were due first, count as all others but have no delay
 */
export function joinReplies(
  acknowledged: readonly Acknowledged[],
  accepted: readonly Accepted[],
  warmUp = 0,
): Replies {
  const asked = new Map(
    acknowledged.filter(({ kind }) => kind === 'message').map(({ id, at }) => [id, at] as const),
  );
  const answered = new Map<string, number>();
  let doubled = 0;
  let unasked = 0;
  for (const { answers, at } of accepted) {
    if (answers === undefined || !asked.has(answers)) unasked++;
    else if (answered.has(answers)) doubled++;
    else answered.set(answers, at);
  }
  const timed = [...asked].sort(([, one], [, other]) => one - other).slice(warmUp);
  return {
    delays: timed.flatMap(([id, dueAt]) => {
      const at = answered.get(id);
      return at === undefined ? [] : [at - dueAt];
    }),
    lost: asked.size - answered.size,
    doubled,
    unasked,
  };
}

export type Statuses = {
  /** That Meta's stand-in owes: three for each message that it accepted, and no 200 came for them. */
  readonly lost: number;
  /** Of messages that it did not accept, or listed more than once. */
  readonly invented: number;
};

export const STAGES = ['sent', 'delivered', 'read'] as const;

/** Looks for the statuses of everything that was accepted. */
export function checkStatuses(
  acknowledged: readonly Acknowledged[],
  accepted: readonly Accepted[],
): Statuses {
  const owed = new Set(accepted.flatMap(({ wamid }) => STAGES.map((stage) => `${wamid}/${stage}`)));
  let invented = 0;
  for (const { kind, id, status = '' } of acknowledged)
    if (kind === 'status' && !owed.delete(`${id}/${status}`)) invented++;
  return { lost: owed.size, invented };
}
