import { type DataSource } from 'typeorm';
import { type Model, row, sorted } from './model';

const tables = {
  message_ids: 'wamid, phone_number_id',
  messages: 'wamid, phone_number_id',
  message_statuses: 'wamid, phone_number_id, status, participant',
  reactions: 'wamid, phone_number_id, sender',
  contact_identities: 'waba_id, identity',
  contact_links: 'waba_id, one, other',
  conversations: 'waba_id, contact, phone_number_id',
  account_changes: 'waba_id, change_hash, month',
  account_states: 'waba_id, subject, facet',
  display_numbers: 'phone_number_id, waba_id, display_phone_number',
  unknown_items: 'item_hash',
  commands: 'command_id, waba_id',
  dispatch_attempts: 'command_id, waba_id, version, month',
};

/** Every row of the read model, ordered by key. */
export async function dumpReadModel(dataSource: DataSource): Promise<Record<string, unknown[]>> {
  const dump: Record<string, unknown[]> = {};
  for (const [table, key] of Object.entries(tables)) {
    dump[table] = await dataSource.query<unknown[]>(`SELECT * FROM ${table} ORDER BY ${key}`);
  }
  return dump;
}

/** As on the first day, checkpoints included. */
export async function emptyReadModel(dataSource: DataSource): Promise<void> {
  await dataSource.query(
    `TRUNCATE ${Object.keys(tables).join(', ')}, skipped_records, projection_checkpoints`,
  );
}

/** The tables as the model tells them. */
export async function shownRows(dataSource: DataSource): Promise<Model> {
  const read = async (text: string) =>
    (await dataSource.query<Record<string, unknown>[]>(text)).map((one) => row(...Object.values(one)));
  return sorted({
    messages: await read(
      `SELECT phone_number_id || '/' || wamid, month::text, direction, contact_phone, contact_user_id, type, text, command_id,
              accepted_at, sent_at, delivered_at, read_at, played_at, failed_at, revoked_at, edited_at, edit_wamid, edited_text
       FROM messages`,
    ),
    reactions: await read(
      `SELECT phone_number_id || '/' || wamid || ' ' || sender, emoji, reacted_at, reaction_wamid FROM reactions`,
    ),
    statuses: await read(
      `SELECT phone_number_id || '/' || wamid || ' ' || status || ' ' || participant, status_at FROM message_statuses`,
    ),
    identities: await read(
      `SELECT waba_id || '/' || identity, contact, name, username FROM contact_identities`,
    ),
    conversations: await read(
      `SELECT phone_number_id, waba_id, contact, last_in_at, last_out_at FROM conversations`,
    ),
    states: await read(`SELECT waba_id || ' ' || subject || ' ' || facet, told_at FROM account_states`),
  });
}
