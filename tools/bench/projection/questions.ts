import { type Clocks, usedForEach } from '../clocks';
import { cpuMsOf } from '../cpu-time';
import { type Database } from './ground';
import { describeMessage, type History } from './history';

/** What people ask of the read model. */
export type Question = {
  readonly name: string;
  readonly sql: string;
  /** Of a message of the history that may be any. */
  readonly parameters: (about: ReturnType<typeof describeMessage>) => readonly unknown[];
};

export const questions: readonly Question[] = [
  {
    name: 'a message by its wamid',
    sql: `SELECT * FROM messages WHERE wamid = $1`,
    parameters: ({ wamid }) => [wamid],
  },
  {
    name: 'the last 50 messages of a contact by phone, under all of their identities',
    sql: `SELECT m.*
FROM contact_identities known
JOIN contact_identities other USING (waba_id, contact)
CROSS JOIN LATERAL (
  SELECT wamid, direction, type, text, status, shown_at FROM messages
  WHERE contact_identity = other.identity AND waba_id = other.waba_id
  ORDER BY shown_at DESC
  LIMIT 50
) AS m
WHERE known.waba_id = $1 AND known.identity = $2
ORDER BY m.shown_at DESC
LIMIT 50`,
    parameters: ({ wabaId, phone }) => [wabaId, phone],
  },
  {
    name: 'the story of a command: message, statuses and attempts',
    sql: `WITH message AS (
  SELECT wamid, phone_number_id, month, status, shown_at FROM messages WHERE command_id = $1 AND waba_id = $2
)
SELECT shown_at AS at, 'message' AS what, status AS told FROM message
UNION ALL
SELECT status_at, 'status', s.status
FROM message
JOIN message_statuses s USING (wamid, phone_number_id, month)
UNION ALL
SELECT told_at, 'attempt', state FROM dispatch_attempts WHERE command_id = $1 AND waba_id = $2
ORDER BY at`,
    parameters: ({ commandId, wabaId }) => [commandId, wabaId],
  },
  {
    name: 'the conversations of a number by last activity',
    sql: `SELECT contact, last_at, service_window_until
FROM conversations
WHERE phone_number_id = $1
ORDER BY last_at DESC
LIMIT 50`,
    parameters: ({ phoneNumberId }) => [phoneNumberId],
  },
  {
    name: 'the failed messages of a number today',
    sql: `SELECT wamid, contact_identity, command_id, failed_at
FROM messages
WHERE phone_number_id = $1 AND failed_at >= date_trunc('day', now())
ORDER BY failed_at DESC`,
    parameters: ({ phoneNumberId }) => [phoneNumberId],
  },
  {
    name: 'a contact by phone',
    sql: `SELECT *
FROM contacts
WHERE waba_id = $1
  AND contact = (SELECT contact FROM contact_identities WHERE waba_id = $1 AND identity = $2)`,
    parameters: ({ wabaId, phone }) => [wabaId, phone],
  },
  {
    name: 'the progress of a campaign of a thousand messages',
    // Asked one by one: joins make the planner read whole months. Nearly every message lies in the month in which its command was accepted.
    sql: `WITH asked AS MATERIALIZED (
  SELECT state, wamid, phone_number_id, date_trunc('month', state_at AT TIME ZONE 'UTC')::date AS month
  FROM commands
  WHERE campaign_id = $1 AND waba_id = $2
)
SELECT a.state, coalesce(
  (SELECT m.status FROM messages m
   WHERE m.wamid = a.wamid AND m.phone_number_id = a.phone_number_id AND m.month = a.month),
  (SELECT m.status FROM message_ids i JOIN messages m USING (wamid, phone_number_id, month)
   WHERE i.wamid = a.wamid AND i.phone_number_id = a.phone_number_id)
) AS status, count(*)
FROM asked a
GROUP BY 1, 2`,
    parameters: ({ campaignId, wabaId }) => [campaignId, wabaId],
  },
  { name: 'the numbers as they are now', sql: `SELECT * FROM numbers`, parameters: () => [] },
  { name: 'the accounts as they are now', sql: `SELECT * FROM accounts`, parameters: () => [] },
  { name: 'the templates as they are now', sql: `SELECT * FROM templates`, parameters: () => [] },
];

const TIMES = 30;

/** Asks about messages all over the history. @returns how long each answer took, in milliseconds, and the CPU for one of them */
export async function ask(
  { client }: Database,
  { sql, parameters }: Question,
  history: History,
): Promise<[times: number[], used: Clocks]> {
  const times: number[] = [];
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const clocks = () => ({ database: cpuMsOf(rows.map(({ pid }) => pid)) });
  const before = clocks();
  for (let time = 0; time < TIMES; time++) {
    const from = performance.now();
    await client.query(sql, [...parameters(someMessage(history, time))]);
    times.push(performance.now() - from);
  }
  return [times, usedForEach(before, clocks(), TIMES)];
}

/** An outbound one, because they have commands; a fixed choice, so that runs can be compared. */
export function someMessage(history: History, time: number): ReturnType<typeof describeMessage> {
  const third = Math.floor((history.messages / 3) * ((time * 0.618_034 + 0.3) % 1));
  return describeMessage(history, third * 3);
}
