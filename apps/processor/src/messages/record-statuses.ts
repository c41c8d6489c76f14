import { type Sql } from '@talaria/database';
import { columns } from '../projections/columns';
import { type StatusRow } from '../webhooks/rows';

/** What orders the forms of one status. */
const form = (of: string) => `(${of}.status_at, ${of}.item, coalesce(${of}.waba_id, ''))`;

/**
 * Every status once for each participant; of several forms the smallest stays. Each row lies in the month that `placeMessages` said.
 * @returns those not seen before
 */
export async function recordStatuses(sql: Sql, rows: readonly StatusRow[]): Promise<StatusRow[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ id: string; is_new: boolean }>(
    `INSERT INTO message_statuses AS s (phone_number_id, wamid, month, status, participant, waba_id, contact_phone, contact_user_id,
                                        status_at, error_code, error_title, pricing_billable, pricing_model, pricing_type,
                                        pricing_category, command_id, attempt, item)
     SELECT DISTINCT ON (wamid, phone_number_id, status, participant) *
     FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                 $9::timestamptz[], $10::integer[], $11::text[], $12::boolean[], $13::text[], $14::text[],
                 $15::text[], $16::text[], $17::integer[], $18::bytea[])
       AS t (phone_number_id, wamid, month, status, participant, waba_id, contact_phone, contact_user_id,
             status_at, error_code, error_title, pricing_billable, pricing_model, pricing_type,
             pricing_category, command_id, attempt, item)
     ORDER BY wamid, phone_number_id, status, participant, ${form('t')}
     ON CONFLICT (wamid, phone_number_id, status, participant, month) DO UPDATE SET
       waba_id = excluded.waba_id, contact_phone = excluded.contact_phone, contact_user_id = excluded.contact_user_id,
       status_at = excluded.status_at, error_code = excluded.error_code, error_title = excluded.error_title,
       pricing_billable = excluded.pricing_billable, pricing_model = excluded.pricing_model, pricing_type = excluded.pricing_type,
       pricing_category = excluded.pricing_category, command_id = excluded.command_id, attempt = excluded.attempt,
       item = excluded.item
     WHERE ${form('excluded')} < ${form('s')}
     RETURNING s.phone_number_id || '/' || s.wamid || '/' || s.status || '/' || s.participant AS id,
       NOT EXISTS (SELECT FROM message_statuses AS known WHERE known.phone_number_id = s.phone_number_id AND known.wamid = s.wamid
                   AND known.month = s.month AND known.status = s.status AND known.participant = s.participant) AS is_new`,
    columns(rows, [
      'phoneNumberId',
      'wamid',
      'month',
      'status',
      'participant',
      'wabaId',
      'contactPhone',
      'contactUserId',
      'statusAt',
      'errorCode',
      'errorTitle',
      'pricingBillable',
      'pricingModel',
      'pricingType',
      'pricingCategory',
      'commandId',
      'attempt',
      'item',
    ]),
  );
  const fresh = new Set(written.filter((row) => row.is_new).map((row) => row.id));
  return rows.filter(({ phoneNumberId, wamid, status, participant }) =>
    fresh.delete(`${phoneNumberId}/${wamid}/${status}/${participant}`),
  );
}
