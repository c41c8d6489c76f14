import { type Sql } from '@talaria/database';
import { type DataSource } from 'typeorm';
import { NotFoundError } from '../errors';
import { patiently } from '../patiently';

export const backlogPriorities = ['reply', 'notification', 'campaign'] as const;
export type BacklogPriority = (typeof backlogPriorities)[number];

/** What waits in the table of a number and priority. */
export type BacklogLane = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly priority: BacklogPriority;
  /** Commands. */
  readonly depth: number;
  /** Since when the next one waits there, ISO 8601. */
  readonly oldestParkedAt: string;
};

export type BacklogFilter = {
  readonly waba?: string;
  readonly number?: string;
  readonly priority?: BacklogPriority;
};

/** The deepest first. Reads what is counted, not the commands, so that it is quick however many there are. */
export async function listBacklog(
  sql: Sql,
  { waba, number, priority }: BacklogFilter,
): Promise<BacklogLane[]> {
  const rows = await sql<Omit<BacklogLane, 'depth' | 'oldestParkedAt'> & { depth: string; oldest: Date }>(
    `SELECT waba_id AS "wabaId", phone_number_id AS "phoneNumberId", priority, sum(depth) AS depth, min(oldest_parked_at) AS oldest
     FROM backlog
     WHERE ($1::text IS NULL OR waba_id = $1) AND ($2::text IS NULL OR phone_number_id = $2) AND ($3::text IS NULL OR priority = $3)
     GROUP BY 1, 2, 3 ORDER BY 4 DESC, 2, 3`,
    [waba ?? null, number ?? null, priority ?? null],
  );
  return rows.map(({ oldest, depth, ...lane }) => ({
    ...lane,
    depth: Number(depth),
    oldestParkedAt: oldest.toISOString(),
  }));
}

export type Cancellation = {
  readonly wabaId: string;
  readonly campaignId: string;
  /** Commands of it that wait in the backlog now. More may be in memory, on a retry topic, or not read yet: they end as cancelled, too. */
  readonly parked: number;
  /** False: it had been cancelled already. */
  readonly isNew: boolean;
};

/**
 * Cancels a campaign of an account, for ever: its commands that wait, and those that come later, end as cancelled; what was handed to Meta is not called back.
 * @throws {NotFoundError} when there is no such account
 */
export function cancelCampaign(
  dataSource: DataSource,
  { wabaId, campaignId }: { readonly wabaId: string; readonly campaignId: string },
  { dryRun }: { readonly dryRun: boolean },
): Promise<Cancellation> {
  return patiently(dataSource, async (sql) => {
    const known = await sql('SELECT FROM wabas WHERE waba_id = $1', [wabaId]);
    if (known.length === 0)
      throw new NotFoundError(`there is no account ${wabaId}: talaria accounts list shows those there are`);
    const parked = await countParked(sql, wabaId, campaignId);
    const fresh = dryRun
      ? await sql(
          'SELECT WHERE NOT EXISTS (SELECT FROM cancelled_campaigns WHERE waba_id = $1 AND campaign_id = $2)',
          [wabaId, campaignId],
        )
      : await sql(
          'INSERT INTO cancelled_campaigns (waba_id, campaign_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING waba_id',
          [wabaId, campaignId],
        );
    return { wabaId, campaignId, parked, isNew: fresh.length > 0 };
  });
}

/** By the lanes of the account, which the key of the backlog begins with. */
async function countParked(sql: Sql, wabaId: string, campaignId: string): Promise<number> {
  const [row] = await sql<{ parked: number }>(
    `SELECT count(*)::integer AS parked
     FROM dispatch_backlog_lanes l
     JOIN dispatch_backlog b USING (partition, phone_number_id, priority)
     WHERE l.waba_id = $1 AND l.depth > 0 AND b.waba_id = $1 AND b.campaign_id = $2`,
    [wabaId, campaignId],
  );
  return row?.parked ?? 0;
}
