import { topics } from '@talaria/contracts';
import { createKafka, type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { commandIdOf } from '../platform/check-platform';
import { query } from '../platform/database';
import { type Platform } from '../platform/platform';

export type Figures = {
  readonly seconds: number;
  readonly webhooksPerSecond: number;
  readonly answerP50Ms: number;
  readonly answerP99Ms: number;
  readonly acknowledged: number;
  readonly projected: number;
  readonly commands: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly read: number;
  readonly failed: number;
  /** Age of the oldest command without a fate; 0 when none waits. */
  readonly oldestWaitingMs: number;
  readonly deadLetters: number;
};

/** Watches a running platform from outside: what products publish, what is in the read model, what Meta's stand-in counts. */
export type Observer = {
  /** Every command id that was published: those read from the topic, and those that a publisher adds. */
  readonly published: Set<string>;
  figures(): Promise<Figures>;
  close(): Promise<void>;
};

export async function observe(platform: Platform, config: KafkaConfig, logger: Logger): Promise<Observer> {
  const consumer = createKafka(config, 'demo-observer', logger).consumer({
    groupId: `${config.KAFKA_PREFIX}demo-observer`,
    heartbeatInterval: 1000,
    maxWaitTimeInMs: 250,
  });
  const admin = createKafka(config, 'demo-admin', logger).admin();
  const published = new Set<string>();
  const waiting = new Map<string, number>();
  const startedAt = Date.now();
  let before = { at: startedAt, acknowledged: 0 };
  await Promise.all([consumer.connect(), admin.connect()]);
  await consumer.subscribe({ topic: config.KAFKA_PREFIX + topics.outbound.name, fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch }) => {
      for (const message of batch.messages) {
        const id = commandIdOf(message);
        published.add(id);
        waiting.set(id, Number(message.timestamp));
      }
      return Promise.resolve();
    },
  });

  async function countRecords(topic: string): Promise<number> {
    const offsets = await admin.fetchTopicOffsets(config.KAFKA_PREFIX + topic);
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  }

  async function forgetEnded(): Promise<void> {
    const ended = await query<{ id: string }>(
      platform.databaseUrl,
      `SELECT command_id AS id FROM commands WHERE command_id = ANY ($1) AND state IN ('accepted', 'failed', 'dead-lettered')`,
      [[...waiting.keys()]],
    );
    for (const { id } of ended) waiting.delete(id);
  }

  return {
    published,
    async figures() {
      const [stats, rows, dead] = await Promise.all([
        platform.simulator.stats(),
        query<Record<'projected' | 'accepted' | 'delivered' | 'read' | 'failed', string>>(
          platform.databaseUrl,
          `SELECT (SELECT count(*) FROM messages WHERE direction = 'inbound') + (SELECT count(*) FROM message_statuses)
                  + (SELECT count(*) FROM account_changes) AS projected,
                  count(*) FILTER (WHERE accepted_at IS NOT NULL) AS accepted,
                  count(*) FILTER (WHERE delivered_at IS NOT NULL OR read_at IS NOT NULL) AS delivered,
                  count(*) FILTER (WHERE read_at IS NOT NULL) AS read,
                  count(*) FILTER (WHERE failed_at IS NOT NULL) AS failed
           FROM messages WHERE direction = 'outbound'`,
        ),
        Promise.all([countRecords(topics.webhooksDlq.name), countRecords(topics.outboundDlq.name)]),
        forgetEnded(),
      ]);
      const now = Date.now();
      const acknowledged = stats.webhooks.acknowledgedItems;
      const perSecond = ((acknowledged - before.acknowledged) * 1000) / Math.max(1, now - before.at);
      before = { at: now, acknowledged };
      const oldest = Math.min(now, ...waiting.values());
      const [row] = rows;
      return {
        seconds: Math.round((now - startedAt) / 1000),
        webhooksPerSecond: Math.round(perSecond),
        answerP50Ms: stats.webhooks.answerMs.p50,
        answerP99Ms: stats.webhooks.answerMs.p99,
        acknowledged,
        projected: Number(row?.projected ?? 0),
        commands: published.size,
        accepted: Number(row?.accepted ?? 0),
        delivered: Number(row?.delivered ?? 0),
        read: Number(row?.read ?? 0),
        failed: Number(row?.failed ?? 0),
        oldestWaitingMs: now - oldest,
        deadLetters: dead[0] + dead[1],
      };
    },
    async close() {
      await Promise.all([consumer.disconnect(), admin.disconnect()]);
    },
  };
}
