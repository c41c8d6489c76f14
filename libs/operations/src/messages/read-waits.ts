import { retryTopicFor } from '@talaria/contracts';
import { type Sql } from '@talaria/database';
import { type MessageFound } from './find-messages';
import { type LedgerRow, type ParkedRow } from './read-command';
import { type CommandStory, type Wait } from './story';

type Known = {
  readonly ledger: LedgerRow | undefined;
  readonly parked: ParkedRow | undefined;
  readonly command: CommandStory;
};

const priorities = ['reply', 'notification', 'campaign'];
const ENDED = ['accepted', 'failed', 'cancelled', 'dead-lettered'];
/** More than anybody counts; the backlog of one number may be millions. */
const COUNTED = 10_000;
/** Of the dispatcher's RETRY_IN_LANE_MAX, as it is unless somebody has set it: shorter waits are waited out in memory. */
const IN_LANE_MS = 10_000;

/** What a command waits for now: where it stands, and what holds that back. */
export async function readWaits(
  sql: Sql,
  { wabaId, phoneNumberId }: Pick<MessageFound, 'wabaId' | 'phoneNumberId'>,
  { ledger, parked, command }: Known,
  now: number,
): Promise<Wait[]> {
  const isWaiting = parked !== undefined || (ledger !== undefined && !ENDED.includes(ledger.state));
  if (!isWaiting) return [];
  const waits: Wait[] = [];
  if (parked !== undefined) waits.push(await backlogWait(sql, parked));
  else if (ledger !== undefined) waits.push(ledgerWait(ledger, now));
  waits.push(...(await pauses(sql, wabaId, phoneNumberId)));
  if (command.campaignId !== null) waits.push(...(await cancellations(sql, wabaId, command.campaignId)));
  return waits;
}

async function backlogWait(sql: Sql, parked: ParkedRow): Promise<Wait> {
  const { partition, phoneNumberId, priority, position, id } = parked;
  const lane = [partition, phoneNumberId, priority];
  const [ahead] = await sql<{ count: number }>(
    `SELECT count(*)::integer AS count FROM (
       SELECT FROM dispatch_backlog b WHERE b.partition = $1 AND b.phone_number_id = $2 AND b.priority = $3
         AND (b.position, b.id) < ($4::bigint, $5::bigint) LIMIT ${COUNTED + 1}) AS before`,
    [...lane, position, id],
  );
  const [higher] = await sql<{ count: number }>(
    `SELECT coalesce(sum(depth), 0)::float8 AS count FROM dispatch_backlog_lanes
     WHERE partition = $1 AND phone_number_id = $2 AND priority < $3`,
    lane,
  );
  const count = ahead?.count ?? 0;
  return {
    kind: 'backlog',
    priority: priorities[priority] ?? String(priority),
    partition,
    ahead: Math.min(count, COUNTED),
    isMore: count > COUNTED,
    higher: higher?.count ?? 0,
    since: parked.parkedAt,
  };
}

function ledgerWait({ state, claimedAt, settledAt, unknownSince, outcome }: LedgerRow, now: number): Wait {
  if (state === 'claimed') return { kind: 'attempt', since: claimedAt };
  const told = Date.parse(outcome?.nextAttemptAt ?? '');
  const dueAt = Number.isNaN(told) ? null : new Date(told);
  if (state === 'unknown') return { kind: 'status', since: unknownSince, dueAt };
  if (outcome?.pause !== undefined) return { kind: 'throttled', by: outcome.pause, dueAt };
  const from = Date.parse(outcome?.at ?? '') || (settledAt ?? claimedAt).getTime();
  const delayMs = (dueAt?.getTime() ?? from) - from;
  return {
    kind: 'retry',
    topic: delayMs < IN_LANE_MS ? null : retryTopicFor(delayMs).name,
    dueAt: dueAt ?? new Date(from),
    isOverdue: (dueAt?.getTime() ?? from) < now,
  };
}

async function pauses(sql: Sql, wabaId: string | null, phoneNumberId: string | null): Promise<Wait[]> {
  const rows = await sql<{
    who: 'number' | 'account' | 'app';
    id: string;
    until: Date | null;
    reason: string | null;
  }>(
    `SELECT 'number' AS who, phone_number_id AS id, nullif(paused_until, 'infinity') AS until, paused_reason AS reason
     FROM phone_numbers WHERE phone_number_id = $1 AND paused_until > now()
     UNION ALL
     SELECT 'account', waba_id, nullif(paused_until, 'infinity'), paused_reason FROM wabas WHERE waba_id = $2 AND paused_until > now()
     UNION ALL
     SELECT 'account', waba_id, nullif(restricted_until, 'infinity'), 'Meta: ' || restricted_reason FROM wabas
     WHERE waba_id = $2 AND restricted_until > now()
     UNION ALL
     SELECT 'app', app_id, nullif(paused_until, 'infinity'), paused_reason FROM apps
     WHERE app_id = (SELECT app_id FROM wabas WHERE waba_id = $2) AND paused_until > now()`,
    [phoneNumberId, wabaId],
  );
  return rows.map((row) => ({ kind: 'paused' as const, ...row }));
}

async function cancellations(sql: Sql, wabaId: string | null, campaignId: string): Promise<Wait[]> {
  const rows = await sql<{ at: Date }>(
    'SELECT cancelled_at AS at FROM cancelled_campaigns WHERE waba_id = $1 AND campaign_id = $2',
    [wabaId, campaignId],
  );
  return rows.map(({ at }) => ({ kind: 'cancelled' as const, campaignId, at }));
}
