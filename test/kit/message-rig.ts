import { headers, type SendMessage, topics } from '@talaria/contracts';
import { createDataSource, type Sql, sqlOf } from '@talaria/database';
import { type KafkaRecord } from '@talaria/kafka';
import { createBacklogTable } from '../../apps/dispatcher/src/backlog/backlog-table';
import { fingerprintOf } from '../../apps/dispatcher/src/dispatch/fingerprint';
import { createLedger, type Outcome } from '../../apps/dispatcher/src/ledger/ledger';
import { Consumers } from '../../apps/processor/src/consumers';
import { readLetter } from '../../apps/processor/src/dead-letters/read-letter';
import { recordLetters } from '../../apps/processor/src/dead-letters/record-letters';
import { keepingProducer } from '../../apps/processor/testing/processor';
import {
  aBatch,
  aDispatch,
  aMessage,
  aRecord,
  aStatus,
  aWebhook,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
} from '../../apps/processor/testing/records';
import { testDatabase, type TestDatabase } from './database';
import { testLogger } from './logger';

/** A database in which messages have their stories, written by what writes them in earnest. */
export type MessageRig = {
  readonly database: TestDatabase;
  readonly sql: Sql;
  /** The processor hears of these, one after another. */
  told(...records: KafkaRecord[]): Promise<void>;
  /** In the ledger, after one attempt; without an outcome while it is made. */
  settled(command: SendMessage, outcome: Outcome | undefined): Promise<void>;
  park(...commands: SendMessage[]): Promise<void>;
  /** @returns its id */
  aLetter(command: SendMessage, cause: string): Promise<number>;
  /** A command that was tried twice, and whose message was sent, delivered, and answered by a reaction. */
  sent(command: SendMessage, wamid: string): Promise<void>;
  close(): Promise<void>;
};

export const TRACE = '0af7651916cd43dd8448eb211c80319c';
export const at = (seconds: number) => new Date((SECONDS + seconds) * 1000);

export function aCommand(id: string, fields: Partial<SendMessage> = {}): SendMessage {
  return {
    ...{ id, wabaId: WABA, phoneNumberId: NUMBER, to: `+${PHONE}` },
    ...{ campaignId: 'spring', correlationId: 'order 7' },
    ...{ message: { type: 'text', text: { body: 'a secret' } }, ...fields },
  };
}

let offset = 0;

export function commandRecord(command: SendMessage, fields: Partial<KafkaRecord> = {}): KafkaRecord {
  return aRecord({
    ...{ topic: topics.outbound.name, partition: 3, offset: offset++, timestamp: SECONDS * 1000 },
    ...{ key: Buffer.from(command.wabaId), value: Buffer.from(JSON.stringify(command)) },
    headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` },
    ...fields,
  });
}

export async function openMessageRig(): Promise<MessageRig> {
  const database = await testDatabase();
  const sql = sqlOf(database.dataSource);
  const projection = await createDataSource(
    { DATABASE_URL: database.url, DATABASE_POOL_SIZE: 2 },
    1,
  ).initialize();
  await sql(`INSERT INTO wabas (waba_id, name) VALUES ($1, 'Acme'), ('900', 'Other')`, [WABA]);

  async function told(...records: KafkaRecord[]): Promise<void> {
    const producer = keepingProducer();
    const consumers = new Consumers({ dataSource: projection, producer, logger: testLogger });
    for (const record of records) {
      const of = { firstOffset: offset++, topic: record.topic };
      // Nothing counts as having happened after it was heard of.
      const heard = { ...record, timestamp: at(100_000).getTime() };
      if (record.topic === topics.dispatches.name) await consumers.dispatches(aBatch([record], of));
      else await consumers.webhooks(aBatch([heard], of));
    }
  }

  async function settled(command: SendMessage, outcome: Outcome | undefined): Promise<void> {
    const ledger = createLedger(sql, crypto.randomUUID());
    const { wabaId, id: commandId, phoneNumberId } = command;
    const source = { topic: topics.outbound.name, partition: 3, offset: 77 };
    await ledger.claim({ wabaId, commandId, phoneNumberId, fingerprint: fingerprintOf(command), source });
    if (outcome === undefined) return;
    const attempt = { claimedAttempt: 1, attempts: 1 };
    await ledger.settle({ wabaId, commandId, ...attempt, source, outcome, isTold: true });
  }

  return {
    database,
    sql,
    told,
    settled,
    park: (...commands) =>
      createBacklogTable(sql).park(
        3,
        commands.map((command) => ({
          record: commandRecord(command),
          position: offset,
          phoneNumberId: command.phoneNumberId,
          priority: command.priority ?? 'notification',
          wabaId: command.wabaId,
          commandId: command.id,
          campaignId: command.campaignId,
          recipient: command.to ?? '',
        })),
      ),
    async aLetter(command, cause) {
      const found = {
        [headers.dlqCause]: cause,
        [headers.dlqAt]: at(60).toISOString(),
        [headers.metaCode]: '131047',
        [headers.originalTimestamp]: String(SECONDS * 1000),
      };
      const record = commandRecord(command, { topic: topics.outboundDlq.name, headers: found });
      await recordLetters(sql, [{ record, letter: readLetter(record, Date.now()) }]);
      const [row] = await sql<{ id: number }>('SELECT max(id)::integer AS id FROM dead_letters');
      return row?.id ?? 0;
    },
    async sent(command, wamid) {
      await told(...eventsOf(command, wamid), ...statusesOf(command, wamid), reactionTo(wamid));
      await settled(command, { state: 'accepted', at: at(5).toISOString(), wamid });
    },
    async close() {
      await projection.destroy();
      await database.close();
    },
  };
}

function eventsOf(command: SendMessage, wamid: string): KafkaRecord[] {
  const { id: commandId, to, campaignId, correlationId, message } = command;
  const event = (state: string, version: number, seconds: number, data: object) =>
    aDispatch({
      state,
      time: at(seconds).toISOString(),
      data: { commandId, version, attempt: version, to, campaignId, correlationId, ...data },
    });
  const error = { code: 131016, class: 'transient', message: 'unavailable', fbtraceId: 'AbC' };
  const call = { startedAt: at(4.5).toISOString(), traceId: 'aa'.repeat(16) };
  return [event('retrying', 1, 1, { error }), event('accepted', 2, 5, { ...call, wamid, message })];
}

function statusesOf(command: SendMessage, wamid: string): KafkaRecord[] {
  const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' };
  const told = { id: wamid, biz_opaque_callback_data: `talaria/${command.id}/2`, pricing };
  const status = (name: string, seconds: number) =>
    aWebhook({
      value: { statuses: [aStatus({ ...told, status: name, timestamp: String(SECONDS + seconds) })] },
    });
  return [status('sent', 6), status('delivered', 8)];
}

function reactionTo(wamid: string): KafkaRecord {
  const reaction = { message_id: wamid, emoji: '👍' };
  const from = { id: `${wamid}.reaction`, from_user_id: USER_ID, timestamp: String(SECONDS + 20) };
  return aWebhook({
    value: {
      contacts: [{ profile: { name: 'Rosa' }, wa_id: PHONE, user_id: USER_ID }],
      messages: [aMessage('reaction', { ...from, reaction })],
    },
  });
}
