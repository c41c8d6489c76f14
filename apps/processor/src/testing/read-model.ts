import { type DataSource } from 'typeorm';

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
  dispatch_attempts: 'command_id, waba_id, version',
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
