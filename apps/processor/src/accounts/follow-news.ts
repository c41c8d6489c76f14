import { recordRegistryChanges, type RegistryChange, type Sql } from '@talaria/database';
import { type Logger } from '@talaria/observability';
import { type KeyedEvent } from '../webhooks/events-of';
import { qualities, type Quality, qualityChanges } from './accounts.metrics';
import { type News, newsOfChange } from './news-of-change';

/** What Meta allows a number after its upgrade, and before. */
const UPGRADED_RATE = 1000;
const DEFAULT_RATE = 80;

type Told = News & { readonly wabaId: string; readonly eventId: string; readonly changedAt: Date };
type MetaChange = RegistryChange & Pick<News, 'reason'>;

/** What has come of news. */
export type Followed = {
  /** Accounts that may send no more, or again. */
  readonly accounts: readonly Restriction[];
  readonly numbers: readonly MetaChange[];
};

/**
 * Brings the registry up to what Meta tells of its accounts and numbers for the first time; nothing is done for those that it does not know.
 * Rows of the registry are locked until the transaction ends.
 * @param events those that are told with it
 * @returns what has changed, to be reported when the transaction is committed
 */
export async function followNews(sql: Sql, events: readonly KeyedEvent[]): Promise<Followed> {
  const told = events.flatMap(newsOf);
  const ofAccounts = told.filter(({ displayNumber }) => displayNumber === null);
  const ofNumbers = told.filter(({ displayNumber }) => displayNumber !== null);
  return {
    accounts: ofAccounts.length === 0 ? [] : await followAccounts(sql, ofAccounts),
    numbers: ofNumbers.length === 0 ? [] : await followNumbers(sql, ofNumbers),
  };
}

/** Logs what has changed, and counts it. */
export function reportNews({ accounts, numbers }: Followed, logger: Logger): void {
  for (const { wabaId, until, reason } of accounts) {
    if (until === null) logger.info({ wabaId }, 'Meta lets an account send again');
    else
      logger.error(
        { wabaId, until, reason },
        'Meta does not let an account send: its commands wait until then',
      );
  }
  for (const { subject, change, reason } of numbers) {
    logger.info({ subject, change, reason }, 'Meta tells of a number');
    if (change === 'quality') qualityChanges.inc({ quality: qualityOf(reason) });
  }
}

function qualityOf(reason: string): Quality {
  const [event] = reason.toLowerCase().split(',');
  return qualities.find((quality) => quality === event) ?? 'other';
}

function newsOf({ event, raw }: KeyedEvent): Told[] {
  if (event.type !== 'whatsapp.account.changed.v1' || raw === undefined) return [];
  const { wabaId, field } = event.data;
  const news = newsOfChange(field, raw.json);
  return news === undefined ? [] : [{ ...news, wabaId, eventId: event.id, changedAt: new Date(event.time) }];
}

const changeOf = (subject: string, { change, reason, until, changedAt, eventId }: Told): MetaChange => ({
  ...{ subject, change, reason, until, changedAt, eventId },
  changedBy: 'meta',
});

type Restriction = {
  readonly wabaId: string;
  readonly until: Date | number | null;
  readonly reason: string | null;
};

/** Of the accounts that are registered. A person who changes one at the same time does so before or after. */
async function followAccounts(sql: Sql, told: readonly Told[]): Promise<readonly Restriction[]> {
  const rows = await sql<{ waba_id: string }>(
    'SELECT waba_id FROM public.wabas WHERE waba_id = ANY ($1) ORDER BY waba_id FOR NO KEY UPDATE',
    [told.map(({ wabaId }) => wabaId)],
  );
  const known = new Set(rows.map((row) => row.waba_id));
  if (known.size === 0) return [];
  const changes = told.flatMap((one) =>
    known.has(one.wabaId) ? [{ ...changeOf(`wabas/${one.wabaId}`, one), wabaId: one.wabaId }] : [],
  );
  const fresh = await recordRegistryChanges(sql, changes);
  return restrictAccounts(sql, [...new Set(fresh.map(({ wabaId }) => wabaId))]);
}

/** Meta names a number by its digits alone: as they are registered, or as its messages show them. */
async function followNumbers(sql: Sql, told: readonly Told[]): Promise<readonly MetaChange[]> {
  const found = await sql<{ n: string; phone_number_id: string }>(
    `SELECT t.n, p.phone_number_id
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (waba_id, digits, n)
     JOIN public.phone_numbers AS p ON p.waba_id = t.waba_id
      AND (regexp_replace(p.display_phone_number, '\\D', '', 'g') = t.digits
           OR EXISTS (SELECT FROM display_numbers AS d WHERE d.phone_number_id = p.phone_number_id AND d.waba_id = t.waba_id
                      AND d.display_phone_number = t.digits))
     ORDER BY p.phone_number_id FOR NO KEY UPDATE OF p`,
    [told.map(({ wabaId }) => wabaId), told.map(({ displayNumber }) => displayNumber)],
  );
  if (found.length === 0) return [];
  const rates = await readRates(
    sql,
    found.map((row) => row.phone_number_id),
  );
  const changes = found.flatMap(({ n, phone_number_id }) => {
    const [one, rate] = [told[Number(n) - 1], rates.get(phone_number_id)];
    if (one === undefined || rate === undefined) return [];
    const change = changeOf(`phone_numbers/${phone_number_id}`, one);
    if (one.change !== 'rate') return [{ ...change, raised: [] }];
    const isRaised = rate.isOfMeta && rate.perSecond === DEFAULT_RATE;
    const what = isRaised ? `from ${DEFAULT_RATE} to ${UPGRADED_RATE}` : `stays at ${rate.perSecond}`;
    return [{ ...change, reason: `${one.reason}, ${what}`, raised: isRaised ? [phone_number_id] : [] }];
  });
  const fresh = await recordRegistryChanges(sql, changes);
  await raiseRates(
    sql,
    fresh.flatMap(({ raised }) => raised),
  );
  return fresh;
}

type Rate = { readonly perSecond: number; readonly isOfMeta: boolean };

/** Once they are locked: a statement does not see what was changed beside the row while it waited for it. */
async function readRates(sql: Sql, phoneNumberIds: readonly string[]): Promise<ReadonlyMap<string, Rate>> {
  const rows = await sql<{ phone_number_id: string; messages_per_second: number; is_of_meta: boolean }>(
    `SELECT phone_number_id, messages_per_second,
            NOT EXISTS (SELECT FROM public.registry_changes WHERE subject = 'phone_numbers/' || phone_number_id
                        AND change = 'rate' AND changed_by <> 'meta') AS is_of_meta
     FROM public.phone_numbers WHERE phone_number_id = ANY ($1)`,
    [phoneNumberIds],
  );
  return new Map(
    rows.map((row) => [
      row.phone_number_id,
      { perSecond: row.messages_per_second, isOfMeta: row.is_of_meta },
    ]),
  );
}

/**
 * As the latest of each kind of news says, by the times that Meta tells and in whatever order it came. What was told before a person lifted
 * it holds back no more.
 */
function restrictAccounts(sql: Sql, wabaIds: readonly string[]): Promise<Restriction[]> {
  return sql<Restriction>(
    `UPDATE public.wabas AS w SET restricted_until = now_told.until, restricted_reason = now_told.reason
     FROM unnest($1::text[]) AS t (waba_id)
     LEFT JOIN LATERAL (
       SELECT until, reason FROM (
         SELECT DISTINCT ON (change) until, reason, changed_at FROM public.registry_changes
         WHERE subject = 'wabas/' || t.waba_id AND change IN ('ban', 'restriction', 'deletion')
         ORDER BY change, changed_at DESC, until DESC NULLS LAST) AS latest
       WHERE until IS NOT NULL AND changed_at > coalesce(
         (SELECT max(changed_at) FROM public.registry_changes WHERE subject = 'wabas/' || t.waba_id AND change = 'lift'), '-infinity')
       ORDER BY until DESC, reason LIMIT 1) AS now_told ON true
     WHERE w.waba_id = t.waba_id
       AND (w.restricted_until, w.restricted_reason) IS DISTINCT FROM (now_told.until, now_told.reason)
     RETURNING w.waba_id AS "wabaId", w.restricted_until AS until, w.restricted_reason AS reason`,
    [wabaIds],
  );
}

async function raiseRates(sql: Sql, phoneNumberIds: readonly string[]): Promise<void> {
  if (phoneNumberIds.length === 0) return;
  await sql('UPDATE public.phone_numbers SET messages_per_second = $2 WHERE phone_number_id = ANY ($1)', [
    phoneNumberIds,
    UPGRADED_RATE,
  ]);
}
