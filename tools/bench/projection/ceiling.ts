import { topics } from '@talaria/contracts';
import { addMonths, createDataSource, inTransaction, type Sql } from '@talaria/database';
import { partitionOf } from '@talaria/kafka';
import { groupIdentities, linksOf } from '../../../apps/processor/src/contacts/link-identities';
import { monthsOf } from '../../../apps/processor/src/projections/record-rows';
import { joinRows, type Rows } from '../../../apps/processor/src/webhooks/rows';
import { translateWebhook } from '../../../apps/processor/src/webhooks/translate-webhook';
import { readClocks } from '../clocks';
import { type Database, type Ground } from './ground';
import { type Timed, timed } from './projecting';
import { recordOf } from './records';

/** What a fetch brings of one partition, and so a batch of the processor. */
const BATCH_BYTES = 512 * 1024;
/** They wait in memory, as rows. */
const MOST_RECORDS = 100_000;

/** One statement: the table, and each column's type and values. */
type Insert = {
  readonly table: string;
  readonly columns: Readonly<Record<string, readonly [type: string, values: readonly unknown[]]>>;
};
type Batch = {
  readonly records: number;
  readonly months: readonly string[];
  readonly inserts: readonly Insert[];
};

/**
 * What Postgres can do at best: the rows of the topic's records, translated beforehand, by one bare statement for each table, on one
 * connection, a transaction for each batch. Nothing is read from Kafka, decoded, compared, told or remembered.
 */
export async function insertBare(ground: Ground, database: Database): Promise<Timed> {
  const batches = prepareBatches(ground);
  const settings = { DATABASE_URL: database.url, DATABASE_POOL_SIZE: 1 };
  const dataSource = await createDataSource(settings, 1).initialize();
  try {
    const months = [...new Set(batches.flatMap((batch) => batch.months))];
    await inTransaction(dataSource, (sql) => addMonths(sql, months));
    const before = await readClocks(ground, process.pid, database);
    const startsAt = performance.now();
    for (const { inserts } of batches) {
      ground.signal.throwIfAborted();
      await inTransaction(dataSource, async (sql) => {
        for (const one of inserts) await insert(sql, one);
      });
    }
    const seconds = (performance.now() - startsAt) / 1000;
    const records = batches.reduce((sum, batch) => sum + batch.records, 0);
    return timed(records, seconds, before, await readClocks(ground, process.pid, database));
  } finally {
    await dataSource.destroy();
  }
}

async function insert(sql: Sql, { table, columns }: Insert): Promise<void> {
  const names = Object.keys(columns).join(', ');
  const arrays = Object.values(columns).map(([type], index) => `$${index + 1}::${type}[]`);
  await sql(
    `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays.join(', ')}) ON CONFLICT DO NOTHING`,
    Object.values(columns).map(([, values]) => values),
  );
}

function prepareBatches({ topic }: Ground): Batch[] {
  const { partitions } = topics.webhooks;
  const gathering = Array.from({ length: partitions }, () => ({ bytes: 0, rows: [] as Rows[] }));
  const batches: Batch[] = [];
  const flush = (one: (typeof gathering)[number]) => {
    if (one.rows.length > 0) batches.push(batchOf(one.rows));
    one.bytes = 0;
    one.rows = [];
  };
  const now = Date.now();
  for (let index = 0; index < Math.min(topic.count, MOST_RECORDS); index++) {
    const { key, value, headers = {} } = recordOf(topic.first + index, new Date(now));
    const [keyBytes, valueBytes] = [Buffer.from(key ?? ''), Buffer.from(value ?? '')];
    const partition = partitionOf(keyBytes, partitions);
    const record = { topic: topics.webhooks.name, partition, offset: index, timestamp: now };
    const rows = translateWebhook({ ...record, key: keyBytes, value: valueBytes, headers });
    const one = gathering[partition];
    if (one === undefined || rows === undefined) throw new Error(`record ${index} cannot be translated`);
    one.rows.push(rows);
    one.bytes += keyBytes.length + valueBytes.length + JSON.stringify(headers).length;
    if (one.bytes > BATCH_BYTES) flush(one);
  }
  gathering.forEach(flush);
  return batches;
}

function batchOf(translated: readonly Rows[]): Batch {
  const rows = joinRows(translated);
  const inserts = [
    insertIds(rows),
    ...insertMessages(rows),
    insertStatuses(rows),
    ...insertContacts(rows),
    insertDisplayNumbers(rows),
  ];
  return { records: translated.length, months: [...monthsOf(rows)], inserts };
}

/** A column of these rows. */
function reader<Row>(rows: readonly Row[]) {
  return (type: string, read: (row: Row) => unknown) => [type, rows.map(read)] as const;
}

function insertIds({ forms, statuses }: Rows): Insert {
  const of = reader([...forms, ...statuses]);
  return {
    table: 'message_ids',
    columns: {
      wamid: of('text', ({ wamid }) => wamid),
      phone_number_id: of('text', ({ phoneNumberId }) => phoneNumberId),
      month: of('date', ({ month }) => month),
    },
  };
}

function insertMessages({ forms, facts }: Rows): Insert[] {
  const form = reader(forms);
  const fact = reader(facts);
  const at = (name: string) => fact('timestamptz', (one) => (one.fact === name ? one.at : null));
  return [
    {
      table: 'messages',
      columns: {
        phone_number_id: form('text', ({ phoneNumberId }) => phoneNumberId),
        wamid: form('text', ({ wamid }) => wamid),
        month: form('date', ({ month }) => month),
        waba_id: form('text', ({ wabaId }) => wabaId),
        direction: form('text', ({ direction }) => direction),
        contact_phone: form('text', ({ contactPhone }) => contactPhone),
        contact_user_id: form('text', ({ contactUserId }) => contactUserId),
        type: form('text', ({ type }) => type),
        text: form('text', ({ text }) => text),
        media_id: form('text', ({ mediaId }) => mediaId),
        media_mime_type: form('text', ({ mediaMimeType }) => mediaMimeType),
        media_sha256: form('text', ({ mediaSha256 }) => mediaSha256),
        message_at: form('timestamptz', ({ messageAt }) => messageAt),
        arrived_at: form('timestamptz', ({ arrivedAt }) => arrivedAt),
        item: form('bytea', ({ item }) => item),
      },
    },
    {
      table: 'messages',
      columns: {
        phone_number_id: fact('text', ({ phoneNumberId }) => phoneNumberId),
        wamid: fact('text', ({ wamid }) => wamid),
        month: fact('date', ({ month }) => month),
        waba_id: fact('text', ({ wabaId }) => wabaId),
        direction: fact('text', ({ direction }) => direction),
        contact_phone: fact('text', ({ contactPhone }) => contactPhone),
        contact_user_id: fact('text', ({ contactUserId }) => contactUserId),
        command_id: fact('text', ({ commandId }) => commandId),
        arrived_at: fact('timestamptz', (one) => one.at),
        sent_at: at('sent'),
        delivered_at: at('delivered'),
        read_at: at('read'),
      },
    },
  ];
}

function insertStatuses({ statuses }: Rows): Insert {
  const of = reader(statuses);
  return {
    table: 'message_statuses',
    columns: {
      phone_number_id: of('text', ({ phoneNumberId }) => phoneNumberId),
      wamid: of('text', ({ wamid }) => wamid),
      month: of('date', ({ month }) => month),
      status: of('text', ({ status }) => status),
      participant: of('text', ({ participant }) => participant),
      waba_id: of('text', ({ wabaId }) => wabaId),
      contact_phone: of('text', ({ contactPhone }) => contactPhone),
      contact_user_id: of('text', ({ contactUserId }) => contactUserId),
      status_at: of('timestamptz', ({ statusAt }) => statusAt),
      pricing_billable: of('boolean', ({ pricingBillable }) => pricingBillable),
      pricing_model: of('text', ({ pricingModel }) => pricingModel),
      pricing_type: of('text', ({ pricingType }) => pricingType),
      pricing_category: of('text', ({ pricingCategory }) => pricingCategory),
      command_id: of('text', ({ commandId }) => commandId),
      attempt: of('integer', ({ attempt }) => attempt),
      item: of('bytea', ({ item }) => item),
    },
  };
}

function insertContacts({ sightings }: Rows): Insert[] {
  const names = new Map(sightings.flatMap(({ identities, name }) => identities.map((one) => [one, name])));
  const identity = reader(groupIdentities(sightings));
  const link = reader(linksOf(sightings));
  const said = reader(sightings.filter(({ phoneNumberId }) => phoneNumberId !== null));
  const lastAt = (which: string) =>
    said('timestamptz', ({ direction, at }) => (direction === which ? at : null));
  return [
    {
      table: 'contact_identities',
      columns: {
        waba_id: identity('text', ({ wabaId }) => wabaId),
        identity: identity('text', (one) => one.identity),
        contact: identity('text', ({ contact }) => contact),
        name: identity('text', (one) => names.get(one.identity)),
      },
    },
    {
      table: 'contact_links',
      columns: {
        waba_id: link('text', ({ wabaId }) => wabaId),
        one: link('text', ({ one }) => one),
        other: link('text', ({ other }) => other),
      },
    },
    {
      table: 'conversations',
      columns: {
        phone_number_id: said('text', ({ phoneNumberId }) => phoneNumberId),
        waba_id: said('text', ({ wabaId }) => wabaId),
        contact: said('text', ({ identities: [first] }) => first),
        last_in_at: lastAt('inbound'),
        last_out_at: lastAt('outbound'),
      },
    },
  ];
}

function insertDisplayNumbers({ displayNumbers }: Rows): Insert {
  const of = reader(displayNumbers);
  return {
    table: 'display_numbers',
    columns: {
      phone_number_id: of('text', ({ phoneNumberId }) => phoneNumberId),
      waba_id: of('text', ({ wabaId }) => wabaId),
      display_phone_number: of('text', ({ displayPhoneNumber }) => displayPhoneNumber),
      seen_on: of('date', ({ seenOn }) => seenOn),
    },
  };
}
