import { itemSortOf } from '@talaria/whatsapp';
import { mismatchFieldOf, projectedItems, schemaMismatches } from '../projections/projection.metrics';
import { type FirstSeen } from '../projections/record-rows';
import {
  countedStatuses,
  messagesDelivered,
  messagesSeen,
  messageStatuses,
  sendToStatus,
  timedStatuses,
} from './messages.metrics';
import { messageId } from './place-messages';

/** Counts what was told for the first time, to be called once that is committed: by what a batch has of each sort, not one by one. */
export function countSeen(seen: Omit<FirstSeen, 'linked' | 'contactOf'>): void {
  const { messages, statuses, changes, unknown } = seen;
  const ofWebhooks = messages.filter(({ direction, isEcho }) => direction === 'inbound' || isEcho);
  addAll(projectedItems, 'kind', [
    ...ofWebhooks.map(() => 'message'),
    ...statuses.map(() => 'status'),
    ...changes.map(({ field }) => itemSortOf({ kind: 'change', field })),
    ...unknown.map(() => 'unknown'),
  ]);
  addAll(
    schemaMismatches,
    'field',
    unknown.map(({ field }) => mismatchFieldOf(field)),
  );
  addAll(messagesSeen, 'direction', [
    ...messages.filter(({ direction }) => direction === 'inbound').map(() => 'in'),
    ...messages.filter(({ direction, isEcho }) => direction === 'outbound' && !isEcho).map(() => 'out'),
  ]);
  // In a group everybody has a status of their own.
  const ofOne = statuses.filter(({ participant }) => participant === '-');
  addAll(
    messageStatuses,
    'status',
    ofOne.flatMap(({ status }) => countedStatuses.find((known) => known === status) ?? []),
  );
  const carried = ofOne.filter(({ status, attempt }) => status === 'delivered' && attempt !== null);
  addAll(
    messagesDelivered,
    'attempt',
    carried.map(({ attempt }) => (attempt === 1 ? 'first' : 'retried')),
  );
  timeStatuses(seen, ofOne);
}

/** Of a message and its status, whichever is told last finds the other there. */
function timeStatuses(
  { messages, accepted }: Pick<FirstSeen, 'messages' | 'accepted'>,
  statuses: FirstSeen['statuses'],
): void {
  if (accepted.length === 0) return;
  const byId = new Map(accepted.map((one) => [messageId(one), one]));
  for (const row of statuses) {
    const acceptedAt = byId.get(messageId(row))?.acceptedAt;
    const status = timedStatuses.find((known) => known === row.status);
    if (acceptedAt !== undefined && status !== undefined) time(status, acceptedAt, row.statusAt.getTime());
  }
  for (const row of messages) {
    const told = row.direction === 'outbound' && !row.isEcho ? byId.get(messageId(row)) : undefined;
    if (told === undefined) continue;
    for (const status of timedStatuses) {
      const at = told[`${status}At`];
      if (at !== null) time(status, told.acceptedAt, at);
    }
  }
}

/** Meta's times have no fractions of a second: one of the same second lies before ours. */
function time(status: (typeof timedStatuses)[number], from: number, to: number): void {
  sendToStatus.observe({ status }, Math.max(0, (to - from) / 1000));
}

function addAll<Label extends string>(
  metric: { inc(labels: Record<Label, string>, by: number): void },
  label: Label,
  values: readonly string[],
): void {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const [value, count] of counts) metric.inc({ [label]: value } as Record<Label, string>, count);
}
