import { type Sql } from './transaction';

/** Something changed in the registry: who did it, and why. */
export type RegistryChange = {
  /** The table and the key: `wabas/1000`, `phone_numbers/2000`, `apps/default`. */
  readonly subject: string;
  /**
   * What was changed. By people: `pause`, `resume`, `rate`, and `lift`, which ends what Meta has told of a ban, restriction or deletion until
   * then. By Meta: `ban`, `restriction` and `deletion` of an account, `rate` and `quality` of a number.
   */
  readonly change: 'pause' | 'resume' | 'rate' | 'lift' | 'ban' | 'restriction' | 'deletion' | 'quality';
  /** `person:` and a name, or `meta`. */
  readonly changedBy: `person:${string}` | 'meta';
  readonly reason: string | null;
  /** Until when nothing is sent because of it; null when it holds nothing back (any more). */
  readonly until: Date | 'infinity' | null;
  readonly changedAt: Date;
  /** Of what Meta tells, the id of the event that told it; null for what people do. */
  readonly eventId: string | null;
};

/**
 * Keeps what was changed; to be called in the transaction of the change.
 * @returns those that were not known yet: an event changes a subject once, however often it is told
 */
export async function recordRegistryChanges<Change extends RegistryChange>(
  sql: Sql,
  changes: readonly Change[],
): Promise<Change[]> {
  const of = (read: (change: Change) => unknown) => changes.map(read);
  const written = await sql<{ subject: string; event_id: string | null }>(
    `INSERT INTO public.registry_changes (subject, change, changed_by, reason, until, changed_at, event_id)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[])
     ON CONFLICT DO NOTHING
     RETURNING subject, event_id`,
    [
      of(({ subject }) => subject),
      of(({ change }) => change),
      of(({ changedBy }) => changedBy),
      of(({ reason }) => reason),
      of(({ until }) => until),
      of(({ changedAt }) => changedAt),
      of(({ eventId }) => eventId),
    ],
  );
  const fresh = new Set(written.map((row) => `${row.subject} ${row.event_id}`));
  return changes.filter(({ subject, eventId }) => eventId === null || fresh.delete(`${subject} ${eventId}`));
}
