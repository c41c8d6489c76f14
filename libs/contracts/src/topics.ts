/**
 * Every topic, declared once. What creates and checks topics, and whoever produces or consumes, reads it from here.
 * A partition count is fixed at birth: another count is another topic (`.v2`), because it would re-key the order.
 */
export type Topic = {
  /** Without the installation's KAFKA_PREFIX. */
  readonly name: string;
  readonly key: string;
  readonly value: string;
  readonly owner: 'ingestion' | 'processor' | 'dispatcher' | 'products';
  readonly partitions: number;
  /** Milliseconds; -1 keeps without end. */
  readonly retentionMs: number;
  /** The largest record, where it is not the broker's default of 1 MiB. */
  readonly maxMessageBytes?: number;
};

const DAY_MS = 86_400_000;
const FOR_EVER = -1;
const PARTITIONS = 12;
/** A webhook body may be one item of 4 MB, and what is made of it is larger by headers. */
const A_WHOLE_WEBHOOK = 5 * 1024 * 1024;
/** What is given up or tried again must fit, though it is larger by the headers that say why. */
const MORE_THAN_A_COMMAND = 2 * 1024 * 1024;

export const topics = {
  webhooks: {
    name: 'whatsapp.webhooks',
    key: 'sender phone, else user id, else WABA id',
    value: "one item in Meta's own envelope",
    owner: 'ingestion',
    partitions: PARTITIONS,
    retentionMs: FOR_EVER,
    maxMessageBytes: A_WHOLE_WEBHOOK,
  },
  webhooksDlq: {
    name: 'whatsapp.webhooks.dlq',
    key: 'as received',
    value: 'unchanged bytes, reason in headers',
    owner: 'processor',
    partitions: PARTITIONS,
    retentionMs: 90 * DAY_MS,
    maxMessageBytes: A_WHOLE_WEBHOOK,
  },
  events: {
    name: 'whatsapp.events',
    key: 'contact: phone, else user id; WABA id for account events',
    value: 'domain events as CloudEvents',
    owner: 'processor',
    partitions: PARTITIONS,
    retentionMs: 30 * DAY_MS,
    maxMessageBytes: A_WHOLE_WEBHOOK,
  },
  outbound: {
    name: 'whatsapp.outbound',
    key: 'WABA id',
    value: 'SendMessage commands',
    owner: 'products',
    partitions: PARTITIONS,
    retentionMs: 14 * DAY_MS,
  },
  outboundRetry30s: retryTopic('30s'),
  outboundRetry5m: retryTopic('5m'),
  outboundRetry1h: retryTopic('1h'),
  outboundDlq: {
    name: 'whatsapp.outbound.dlq',
    key: 'as received',
    value: 'unchanged bytes, cause in headers',
    owner: 'dispatcher',
    partitions: PARTITIONS,
    retentionMs: 90 * DAY_MS,
    maxMessageBytes: MORE_THAN_A_COMMAND,
  },
  dispatches: {
    name: 'whatsapp.dispatches',
    key: 'WABA id',
    value: 'what the dispatcher did, as CloudEvents',
    owner: 'dispatcher',
    partitions: PARTITIONS,
    retentionMs: FOR_EVER,
  },
} as const satisfies Record<string, Topic>;

/** A retry topic: same partition number as the original, due time in a header, at least this delay for each record. */
function retryTopic(delay: string) {
  return {
    name: `whatsapp.outbound.retry-${delay}`,
    key: 'as received',
    value: 'unchanged bytes, retry headers',
    owner: 'dispatcher',
    partitions: PARTITIONS,
    retentionMs: 14 * DAY_MS,
    maxMessageBytes: MORE_THAN_A_COMMAND,
  } as const;
}

/** The retry tiers, shortest first, with the delay in milliseconds that each is meant for. */
export const retryTiers = [
  { topic: topics.outboundRetry30s, delayMs: 30_000 },
  { topic: topics.outboundRetry5m, delayMs: 300_000 },
  { topic: topics.outboundRetry1h, delayMs: 3_600_000 },
] as const;

/** The retry topic whose delay is nearest below; the shortest for anything less. */
export function retryTopicFor(delayMs: number): Topic {
  return retryTiers.findLast((tier) => tier.delayMs <= delayMs)?.topic ?? retryTiers[0].topic;
}
