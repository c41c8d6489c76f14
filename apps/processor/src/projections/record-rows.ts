import { NO_MONTH, type Sql } from '@talaria/database';
import {
  recordChanges,
  recordDisplayNumbers,
  recordStates,
  recordUnknown,
} from '../accounts/record-accounts';
import { type Contacts, recordSightings } from '../contacts/record-sightings';
import { placeMessages } from '../messages/place-messages';
import { type Accepted, applyEdits, joinFacts, recordForms } from '../messages/record-messages';
import { recordReactions } from '../messages/record-reactions';
import { recordStatuses } from '../messages/record-statuses';
import {
  type ChangeRow,
  type MessageForm,
  type Rows,
  type StatusRow,
  type UnknownRow,
} from '../webhooks/rows';

/** What was told for the first time: what was there already is left out. */
export type FirstSeen = Contacts & {
  readonly messages: readonly MessageForm[];
  readonly statuses: readonly StatusRow[];
  readonly changes: readonly ChangeRow[];
  readonly unknown: readonly UnknownRow[];
  /** Messages to which something happened that was not known. */
  readonly accepted: readonly Accepted[];
};

/**
 * Writes rows, one statement for each table and one more for what is rare (messages that move, contacts that merge). The result does not depend on the order of calls or on repeats: a fact is one row by its
 * unique key, of several forms of it one and the same stays, and times only move one way. All transactions lock in the same order:
 * messages, contacts, accounts.
 * @param keptFrom what happened in earlier months is let go; who is who, and what is the case, is not of a month
 */
export async function recordRows(sql: Sql, rows: Rows, keptFrom: string): Promise<FirstSeen> {
  const { forms, facts, edits, reactions, statuses, sightings, changes, states, displayNumbers, unknown } =
    keepFrom(rows, keptFrom);
  const placed = await placeMessages(
    sql,
    [...forms, ...facts, ...edits, ...reactions, ...statuses],
    keptFrom,
  );
  const newMessages = await recordForms(sql, placed(forms));
  const accepted = await joinFacts(sql, placed(facts));
  await applyEdits(sql, placed(edits));
  const newStatuses = await recordStatuses(sql, placed(statuses));
  await recordReactions(sql, placed(reactions));
  const contacts = await recordSightings(sql, sightings);
  const newChanges = await recordChanges(sql, changes);
  await recordStates(sql, states);
  await recordDisplayNumbers(sql, displayNumbers);
  const newUnknown = await recordUnknown(sql, unknown);
  return {
    ...{ ...contacts, messages: newMessages, statuses: newStatuses, changes: newChanges },
    ...{ unknown: newUnknown, accepted },
  };
}

/** The months that rows need a partition of. */
export function monthsOf({ forms, facts, edits, reactions, statuses, changes }: Rows): Set<string> {
  const all = [forms, facts, edits, reactions, statuses, changes].flat();
  return new Set(all.map(({ month }) => month));
}

function keepFrom(rows: Rows, keptFrom: string): Rows {
  const isKept = ({ month }: { readonly month: string }) => month >= keptFrom || month === NO_MONTH;
  if ([...monthsOf(rows)].every((month) => isKept({ month }))) return rows;
  return {
    ...rows,
    forms: rows.forms.filter(isKept),
    facts: rows.facts.filter(isKept),
    edits: rows.edits.filter(isKept),
    reactions: rows.reactions.filter(isKept),
    statuses: rows.statuses.filter(isKept),
    changes: rows.changes.filter(isKept),
  };
}
