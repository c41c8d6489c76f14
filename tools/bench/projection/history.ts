import { addMonths, type Sql } from '@talaria/database';
import { Client } from 'pg';
import { type Database, type Ground } from './ground';
import { FIRST_PHONE, numberOf, phoneOf, wabaOf, wamidOf } from './records';

/**
 * A year of messages, counted from 0: two inbound ones to each outbound one, which a command of a campaign asked for and which was sent,
 * delivered and read, or failed. The people are those of the records, and more.
 */
export type History = { readonly messages: number; readonly persons: number };

const MONTHS = 12;
const MESSAGES_EACH = 20;
/** Every so many messages a campaign begins: a thousand commands in each of two accounts. */
const CAMPAIGN = 6000;
/** One outbound message in a hundred. */
const FAILS = 300;

export function historyOf(messages: number): History {
  // Even, so that a person's account is told by the parity of the message.
  return { messages, persons: Math.max(2, Math.floor(messages / MESSAGES_EACH / 2) * 2) };
}

/** A message of it, by its number. */
export function describeMessage({ persons }: History, number: number) {
  const person = (number * 7919) % persons;
  return {
    wamid: wamidOf(phoneOf(person), `history/${number}`),
    phone: phoneOf(person),
    phoneNumberId: numberOf(person),
    wabaId: wabaOf(person),
    commandId: `history-${number}`,
    campaignId: `campaign-${Math.floor(number / CAMPAIGN)}`,
  };
}

/** The same in SQL. */
const functions = ({ messages, persons }: History) => `
  CREATE FUNCTION pg_temp.person(i bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN i * 7919 % ${persons};
  CREATE FUNCTION pg_temp.phone(person bigint) RETURNS text LANGUAGE sql IMMUTABLE RETURN (${FIRST_PHONE} + person)::text;
  CREATE FUNCTION pg_temp.number(person bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN '7400010000' || lpad((person % 10)::text, 5, '0');
  CREATE FUNCTION pg_temp.waba(person bigint) RETURNS text LANGUAGE sql IMMUTABLE RETURN '73000100000000' || person % 2;
  CREATE FUNCTION pg_temp.wamid(i bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN 'wamid.' || encode('\\x1c180b'::bytea || convert_to(pg_temp.phone(pg_temp.person(i)), 'UTF8') || '\\x150200121814'::bytea
                              || convert_to(upper(left(md5('history/' || i), 20)), 'UTF8') || '\\x00'::bytea, 'base64');
  CREATE FUNCTION pg_temp.at(i bigint) RETURNS timestamptz LANGUAGE sql STABLE
    RETURN date_trunc('hour', now()) - interval '${MONTHS} months' + (i + 1) * (interval '${MONTHS} months' / ${messages});
  CREATE FUNCTION pg_temp.month(i bigint) RETURNS date LANGUAGE sql STABLE RETURN date_trunc('month', pg_temp.at(i))::date;`;

/** Rows of the messages from $1 up to $2. Outbound is every third, failed every ${FAILS}th. */
const ofMessages = [
  `INSERT INTO message_ids (wamid, phone_number_id, month)
   SELECT pg_temp.wamid(i), pg_temp.number(pg_temp.person(i)), pg_temp.month(i) FROM generate_series($1::bigint, $2::bigint - 1) AS i`,
  `INSERT INTO messages (phone_number_id, wamid, month, waba_id, direction, contact_phone, contact_user_id, type, text, message_at,
                         arrived_at, command_id, accepted_at, sent_at, delivered_at, read_at, failed_at, item)
   SELECT pg_temp.number(person), pg_temp.wamid(i), pg_temp.month(i), pg_temp.waba(person),
          CASE WHEN is_out THEN 'outbound' ELSE 'inbound' END, phone, 'US.40' || phone, 'text', body, at, at,
          CASE WHEN is_out THEN 'history-' || i END, CASE WHEN is_out THEN at END,
          CASE WHEN is_out AND NOT fails THEN at END, CASE WHEN is_out AND NOT fails THEN at + interval '1 second' END,
          CASE WHEN is_out AND NOT fails THEN at + interval '1 minute' END, CASE WHEN fails THEN at END,
          convert_to('{"from":"' || phone || '","id":"' || pg_temp.wamid(i) || '","type":"text","text":{"body":"' || body || '"}}', 'UTF8')
   FROM (SELECT i, pg_temp.person(i) AS person, pg_temp.phone(pg_temp.person(i)) AS phone, pg_temp.at(i) AS at,
                i % 3 = 0 AS is_out, i % ${FAILS} = 0 AS fails,
                'Hello! Is order ' || i || ' on its way? The shop in München said by Friday. Thanks a lot!' AS body
         FROM generate_series($1::bigint, $2::bigint - 1) AS i) AS t`,
  `INSERT INTO message_statuses (phone_number_id, wamid, month, status, participant, waba_id, contact_phone, contact_user_id, status_at,
                                 error_code, pricing_billable, pricing_model, pricing_type, pricing_category, command_id, attempt, item)
   SELECT pg_temp.number(person), wamid, pg_temp.month(i), status, '-', pg_temp.waba(person), phone, 'US.40' || phone,
          at + delay, CASE WHEN fails THEN 131026 END, true, 'PMP', 'regular', 'utility', 'history-' || i, 1,
          convert_to('{"id":"' || wamid || '","status":"' || status || '","recipient_id":"' || phone || '","biz_opaque_callback_data":"talaria/history-' || i || '/1"}', 'UTF8')
   FROM (SELECT i, pg_temp.person(i) AS person, pg_temp.phone(pg_temp.person(i)) AS phone, pg_temp.at(i) AS at,
                pg_temp.wamid(i) AS wamid, i % ${FAILS} = 0 AS fails
         FROM generate_series(($1::bigint + 2) / 3 * 3, $2::bigint - 1, 3) AS i) AS t
   JOIN (VALUES ('sent', interval '0'), ('delivered', interval '1 second'), ('read', interval '1 minute'), ('failed', interval '0'))
     AS told (status, delay) ON (status = 'failed') = fails`,
  `INSERT INTO commands (waba_id, command_id, phone_number_id, state, version, attempts, recipient, wamid, campaign_id, state_at)
   SELECT pg_temp.waba(person), 'history-' || i, pg_temp.number(person), 'accepted', 1, 1, pg_temp.phone(person), pg_temp.wamid(i),
          'campaign-' || i / ${CAMPAIGN}, pg_temp.at(i)
   FROM (SELECT i, pg_temp.person(i) AS person FROM generate_series(($1::bigint + 2) / 3 * 3, $2::bigint - 1, 3) AS i) AS t`,
  `INSERT INTO dispatch_attempts (waba_id, command_id, version, month, attempt, state, told_at, wamid)
   SELECT pg_temp.waba(pg_temp.person(i)), 'history-' || i, 1, pg_temp.month(i), 1, 'accepted', pg_temp.at(i), pg_temp.wamid(i)
   FROM generate_series(($1::bigint + 2) / 3 * 3, $2::bigint - 1, 3) AS i`,
];

/** Rows of the persons from 0 up to $1. */
const ofPersons = [
  `INSERT INTO contact_identities (waba_id, identity, contact, name, named_at)
   SELECT pg_temp.waba(p), identity, pg_temp.phone(p), 'Rosa Lindqvist', now() - interval '1 day'
   FROM generate_series(0::bigint, $1::bigint - 1) AS p, LATERAL (VALUES (pg_temp.phone(p)), ('US.40' || pg_temp.phone(p))) AS v (identity)`,
  `INSERT INTO contact_links (waba_id, one, other)
   SELECT pg_temp.waba(p), pg_temp.phone(p), 'US.40' || pg_temp.phone(p) FROM generate_series(0::bigint, $1::bigint - 1) AS p`,
  `INSERT INTO conversations (phone_number_id, waba_id, contact, last_in_at, last_out_at)
   SELECT pg_temp.number(p), pg_temp.waba(p), pg_temp.phone(p), at, at - interval '1 hour'
   FROM (SELECT p, now() - interval '1 year' * (p::float8 / $1::bigint) AS at FROM generate_series(0::bigint, $1::bigint - 1) AS p) AS t`,
];

/** Of the accounts, ten numbers and a hundred templates. */
const ofAccounts = [
  `INSERT INTO display_numbers (phone_number_id, waba_id, display_phone_number, seen_on)
   SELECT pg_temp.number(n), pg_temp.waba(n), '1555010400' || n, now()::date FROM generate_series(0::bigint, 9) AS n`,
  `INSERT INTO account_states (waba_id, subject, facet, told_at, told)
   SELECT pg_temp.waba(n), subject, facet, now(), told::jsonb
   FROM generate_series(0::bigint, 99) AS n, LATERAL (VALUES
     ('', 'review', '{"decision":"APPROVED"}'),
     ('number/1555010400' || n % 10, 'quality', '{"event":"ONBOARDING","limit":"TIER_10K"}'),
     ('template/' || 9000 + n, 'status', '{"status":"APPROVED","name":"order_update"}')) AS v (subject, facet, told)
   ON CONFLICT DO NOTHING`,
];

const filled = [
  'message_ids',
  'messages',
  'message_statuses',
  'commands',
  'dispatch_attempts',
  'contact_identities',
  'contact_links',
  'conversations',
];

/** Fills a database directly, not through the processor: that would take an hour. Indexes are made when the rows are there. */
export async function fillHistory(
  { say, signal }: Ground,
  { url }: Database,
  history: History,
): Promise<void> {
  const client = new Client({ connectionString: url, options: '-c search_path=projection_1' });
  const end = () => void client.end();
  signal.addEventListener('abort', end);
  await client.connect();
  const sql: Sql = async <Row>(text: string, parameters: readonly unknown[] = []) =>
    (await client.query(text, [...parameters])).rows as Row[];
  try {
    await client.query(`SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET jit = off`);
    await client.query(functions(history));
    const indexes = await dropIndexes(sql);
    await addMonths(sql, await monthsOf(sql, history));
    const part = Math.ceil(history.messages / MONTHS);
    for (let from = 0; from < history.messages; from += part) {
      const to = Math.min(from + part, history.messages);
      for (const statement of ofMessages) await sql(statement, [from, to]);
      say(`${to} of ${history.messages} messages are there.`);
    }
    for (const statement of ofPersons) await sql(statement, [history.persons]);
    for (const statement of ofAccounts) await sql(statement);
    say('Their indexes are made.');
    for (const statement of indexes) await sql(statement);
    await sql('VACUUM ANALYZE');
  } finally {
    signal.removeEventListener('abort', end);
    await client.end();
  }
}

/** A ledger row for each command of the history. */
export async function fillLedger({ client }: Database): Promise<void> {
  await client.query(`SET synchronous_commit = off`);
  await client.query(
    `INSERT INTO dispatch_commands (waba_id, command_id, phone_number_id, fingerprint, state, version, attempts, owner, claimed_at, settled_at,
                                    wamid, source_topic, source_partition, source_offset, outcome)
     SELECT waba_id, command_id, phone_number_id, decode(md5(command_id), 'hex'), state, version, attempts, gen_random_uuid(), state_at,
            state_at, wamid, 'whatsapp.outbound', 0, row_number() OVER (), json_build_object('state', state, 'wamid', wamid, 'at', state_at)
     FROM commands`,
  );
  await client.query('VACUUM ANALYZE dispatch_commands');
}

async function monthsOf(sql: Sql, { messages }: History): Promise<string[]> {
  const rows = await sql<{ month: string }>(
    `SELECT generate_series(pg_temp.month(0), pg_temp.month($1::bigint), interval '1 month')::date::text AS month`,
    [messages],
  );
  return rows.map(({ month }) => month);
}

/** @returns the statements that make them again */
async function dropIndexes(sql: Sql): Promise<string[]> {
  const keys = await sql<{ table: string; name: string; definition: string }>(
    `SELECT conrelid::regclass::text AS "table", conname AS name, pg_get_constraintdef(oid) AS definition
     FROM pg_constraint WHERE contype = 'p' AND conrelid = ANY ($1::regclass[])`,
    [filled],
  );
  for (const { table, name } of keys) await sql(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  const others = await sql<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
     FROM pg_index WHERE indrelid = ANY ($1::regclass[])`,
    [filled],
  );
  for (const { name } of others) await sql(`DROP INDEX ${name}`);
  return [
    ...keys.map(({ table, name, definition }) => `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`),
    // Of a partitioned table, its partitions' too.
    ...others.map(({ definition }) => definition.replace(' ON ONLY ', ' ON ')),
  ];
}
