import { type DataSource } from 'typeorm';

const tables = {
  messages: 'phone_number_id, wamid',
  message_statuses: 'phone_number_id, wamid, status, participant',
  account_changes: 'waba_id, change_hash',
  unknown_items: 'item_hash',
  commands: 'waba_id, command_id',
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
  await dataSource.query(`TRUNCATE ${Object.keys(tables).join(', ')}, projection_checkpoints`);
}
