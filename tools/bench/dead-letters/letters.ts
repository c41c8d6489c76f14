import { createDataSource } from '@talaria/database';
import { type DataSource } from 'typeorm';
import { type BenchContext } from '../bench-case';
import { type Database, openDatabase } from '../database';
import { type Ground, openGround } from '../ground';

export type LetterSite = {
  readonly ground: Ground;
  readonly database: Database;
  readonly dataSource: DataSource;
};

/** Topics and a database for one part, closed behind it. */
export async function onLetterSite<T>(
  context: BenchContext,
  work: (site: LetterSite) => Promise<T>,
): Promise<T> {
  const ground = await openGround(context, context.stack);
  try {
    const database = await openDatabase(ground, context.stack.databaseUrl, 1);
    const dataSource = createDataSource({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 4 });
    await dataSource.initialize();
    ground.atClose(() => dataSource.destroy());
    return await work({ ground, database, dataSource });
  } finally {
    await ground.close();
  }
}

/** What letters are about. A letter of number n is of number n % … of each. */
export const spreadOver = { wabas: 100, numbers: 300, campaigns: 500, codes: 20, days: 90 };

/**
 * Fills the index with letters of 90 days: every tenth of one large account, two of three of a cause, and those of a campaign close together in time.
 * @param states how many of a hundred are open; of the rest three of four are re-driven
 */
export async function fillLetters(
  { database: { client } }: LetterSite,
  letters: number,
  openPercent: number,
): Promise<void> {
  const { wabas, numbers, campaigns, codes, days } = spreadOver;
  await client.query(
    `INSERT INTO dead_letters (topic, partition, record_offset, record_timestamp, dead_at, cause, class, code, message, attempts, first_failure_at,
                               last_failure_at, origin_topic, origin_partition, origin_offset, waba_id, phone_number_id, command_id,
                               campaign_id, state, key, value, headers)
     SELECT 'whatsapp.outbound.dlq', n % 12, n, extract(epoch FROM at) * 1000, at, cause, 'recipient', 131000 + n % ${codes}, 'Message undeliverable', 1, at, at,
            'whatsapp.outbound', n % 12, n * 7, waba, number, 'command-' || n, campaign, state, convert_to(waba, 'UTF8'),
            convert_to('{"id":"command-' || n || '","wabaId":"' || waba || '","phoneNumberId":"' || number || '","to":"+1555'
              || lpad(n::text, 7, '0') || '","message":{"type":"text","text":{"body":"Your order ' || n || ' is on its way, and will be with you in two days."}},"campaignId":"'
              || campaign || '"}', 'UTF8'),
            json_build_object('x-dlq-cause', cause, 'x-dlq-at', at, 'x-attempts', '1', 'x-original-topic', 'whatsapp.outbound',
              'x-error-message', 'Message undeliverable', 'traceparent', '00-' || md5(n::text) || '-b7ad6b7169203331-01')
     FROM (
       SELECT n, now() - ($1 - n) * (interval '${days} days' / $1) AS at,
              (ARRAY['permanent', 'permanent', 'permanent', 'permanent', 'exhausted', 'expired'])[1 + n % 6] AS cause,
              CASE WHEN n % 10 = 0 THEN '7000' ELSE (7001 + n % ${wabas})::text END AS waba, (5000 + n % ${numbers})::text AS number,
              'campaign-' || n * ${campaigns} / $1 AS campaign,
              CASE WHEN n % 100 < $2 THEN 'open' WHEN n % 4 = 0 THEN 'discarded' ELSE 'redriven' END AS state
       FROM generate_series(1::bigint, $1::bigint) AS n) AS made`,
    [letters, openPercent],
  );
  await client.query('VACUUM ANALYZE dead_letters');
}
