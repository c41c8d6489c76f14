import { headers, topics } from '@talaria/contracts';
import { type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { query } from '../../platform/database';
import { readTopic } from '../read-topic';
import { type InboundSeen } from './check';
import { inboundWabaIds } from './items';
import { type Row, type Table, type Tables } from './model';

/** Reads all lists. To be called when nothing moves any more. */
export async function gatherInbound(
  databaseUrl: string,
  config: KafkaConfig,
  logger: Logger,
): Promise<InboundSeen> {
  const records = await readTopic(config, topics.webhooks.name, logger);
  const events = await readTopic(config, topics.events.name, logger);
  const letters = await readTopic(config, topics.webhooksDlq.name, logger);
  return {
    records: records.map(({ key, value }) => ({ key: String(key), value: String(value) })),
    events: events.map(({ key, value, headers: found = {} }) => ({
      ...{ key: String(key), value: String(value), time: String(found.ce_time) },
      ...{ id: String(found.ce_id), type: String(found.ce_type) },
    })),
    deadLetters: letters.map(({ value, headers: found = {} }) => ({
      ...{ cause: String(found[headers.dlqCause]), value: String(value) },
    })),
    tables: await readTables(databaseUrl),
  };
}

async function readTables(databaseUrl: string): Promise<Tables> {
  const read = async (table: Table) => {
    const rows = await query<Record<string, Row[string] | Buffer>>(databaseUrl, selects[table], [
      inboundWabaIds,
    ]);
    return [table, rows.map(readable)] as const;
  };
  const tables = await Promise.all((Object.keys(selects) as Table[]).map(read));
  return Object.fromEntries(tables) as unknown as Tables;
}

function readable(row: Readonly<Record<string, Row[string] | Buffer>>): Row {
  const entries = Object.entries(row).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? value.toString() : value,
  ]);
  return Object.fromEntries(entries) as Row;
}

const seconds = (column: string, name: string) => `extract(epoch FROM ${column})::float8 AS "${name}"`;
const aMessage = 'phone_number_id AS "phoneNumberId", wamid, month::text, waba_id AS "wabaId"';
const aPerson = 'contact_phone AS phone, contact_user_id AS "userId"';

/** The columns of the model, of the accounts of the plan. */
const selects: Readonly<Record<Table, string>> = {
  messages: `
    SELECT ${aMessage}, direction, ${aPerson}, type, text, context_wamid AS context, media_id AS "mediaId",
           media_mime_type AS "mediaMimeType", media_sha256 AS "mediaSha256", media_filename AS "mediaFilename",
           ${seconds('message_at', 'at')}, item, ${seconds('sent_at', 'sentAt')}, ${seconds('delivered_at', 'deliveredAt')},
           ${seconds('read_at', 'readAt')}, ${seconds('failed_at', 'failedAt')}, status, ${seconds('edited_at', 'editedAt')},
           edit_wamid AS "editWamid", edited_text AS "editedText", command_id AS "commandId", ${seconds('revoked_at', 'revokedAt')}
    FROM messages WHERE waba_id = ANY ($1)`,
  message_statuses: `
    SELECT ${aMessage}, status, ${aPerson}, ${seconds('status_at', 'at')}, item, error_code AS "errorCode", error_title AS "errorTitle",
           pricing_billable AS billable, pricing_model AS "pricingModel", pricing_type AS "pricingType", pricing_category AS "pricingCategory", command_id AS "commandId"
    FROM message_statuses WHERE waba_id = ANY ($1)`,
  reactions: `
    SELECT ${aMessage}, sender AS identity, emoji, ${seconds('reacted_at', 'at')}, reaction_wamid AS "reactionWamid"
    FROM reactions WHERE waba_id = ANY ($1)`,
  contact_identities: `
    SELECT waba_id AS "wabaId", identity, contact, i.name, c.name AS "contactName"
    FROM contact_identities i JOIN contacts c USING (waba_id, contact) WHERE waba_id = ANY ($1)`,
  conversations: `
    SELECT waba_id AS "wabaId", phone_number_id AS "phoneNumberId", contact AS identity, ${seconds('last_in_at', 'lastInAt')},
           ${seconds('last_out_at', 'lastOutAt')}
    FROM conversations WHERE waba_id = ANY ($1)`,
  account_changes: `
    SELECT waba_id AS "wabaId", field, ${seconds('changed_at', 'at')}, phone_number_id AS "phoneNumberId", ${aPerson}, item
    FROM account_changes WHERE waba_id = ANY ($1)`,
  templates: `
    SELECT waba_id AS "wabaId", template_id AS "templateId", status, ${seconds('told_at', 'at')}
    FROM templates WHERE waba_id = ANY ($1)`,
};
