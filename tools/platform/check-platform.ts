import { createHash } from 'node:crypto';
import { type KafkaMessage } from 'kafkajs';
import { parseCallbackData } from '@talaria/contracts';
import { query } from './database';
import { type Platform } from './platform';
import { type Accepted, type Acknowledged } from './simulator';

export type WebhookCheck = {
  /** Distinct items that were answered 200. */
  readonly acked: number;
  readonly projected: number;
  readonly lost: number;
  /** Rows beyond those of the items: doubled, or invented. */
  readonly duplicated: number;
};

export type CommandCheck = {
  readonly published: number;
  /** Commands that Meta's stand-in took. */
  readonly accepted: number;
  readonly delivered: number;
  readonly read: number;
  readonly failed: number;
  readonly deadLettered: number;
  /** Published, but neither accepted nor dead-lettered. */
  readonly lost: number;
  /** Commands that became more than one message. */
  readonly doubled: number;
};

type Item = Omit<Acknowledged, 'at'>;

const key = (...parts: readonly string[]) => parts.join('/');

/** Compares what was answered 200 with what is in Postgres: messages and statuses id by id; account changes, to which Meta gives no id, by their count. */
export async function checkWebhooks(
  databaseUrl: string,
  acknowledged: readonly Item[],
): Promise<WebhookCheck> {
  const idsOf = (kind: Item['kind'], id: (item: Item) => string) =>
    new Set(acknowledged.filter((item) => item.kind === kind).map(id));
  const messages = idsOf('message', ({ phoneNumberId, id }) => key(phoneNumberId, id));
  const statuses = idsOf('status', ({ phoneNumberId, id, status = '' }) => key(phoneNumberId, id, status));
  const changes = idsOf('change', ({ phoneNumberId, id }) => key(phoneNumberId, id));

  const messageRows = await query<{ id: string }>(
    databaseUrl,
    `SELECT phone_number_id || '/' || wamid AS id FROM messages WHERE direction = 'inbound' AND item IS NOT NULL`,
  );
  const statusRows = await query<{ id: string }>(
    databaseUrl,
    `SELECT phone_number_id || '/' || wamid || '/' || status AS id FROM message_statuses`,
  );
  const [changeRows] = await query<{ count: string }>(databaseUrl, `SELECT count(*) FROM account_changes`);

  const found =
    messageRows.filter(({ id }) => messages.has(id)).length +
    statusRows.filter(({ id }) => statuses.has(id)).length;
  const changeCount = Number(changeRows?.count ?? 0);
  const projected = found + Math.min(changeCount, changes.size);
  const acked = messages.size + statuses.size + changes.size;
  return {
    acked,
    projected,
    lost: acked - projected,
    duplicated: messageRows.length + statusRows.length + changeCount - projected,
  };
}

/** Compares what was published with what Meta's stand-in accepted and what the read model tells, id by id. */
export async function checkCommands(
  databaseUrl: string,
  published: ReadonlySet<string>,
  accepted: readonly Accepted[],
): Promise<CommandCheck> {
  const failures = await query<{ wamid: string }>(
    databaseUrl,
    `SELECT wamid FROM messages WHERE status = 'failed' AND command_id IS NOT NULL`,
  );
  const failed = new Set(failures.map(({ wamid }) => wamid));
  /** Messages of each command; one that failed may be followed by another. */
  const times = new Map<string, number>();
  for (const { callbackData, wamid } of accepted) {
    const id = parseCallbackData(callbackData)?.commandId;
    if (id !== undefined && published.has(id))
      times.set(id, (times.get(id) ?? 0) + (failed.has(wamid) ? 0 : 1));
  }
  const deadLettered = await query<{ id: string }>(
    databaseUrl,
    `SELECT command_id AS id FROM commands WHERE state = 'dead-lettered'`,
  );
  const dead = new Set(deadLettered.map(({ id }) => id));
  const [counts] = await query<{ delivered: string; read: string; failed: string }>(
    databaseUrl,
    `SELECT count(*) FILTER (WHERE delivered_at IS NOT NULL OR read_at IS NOT NULL) AS delivered,
            count(*) FILTER (WHERE read_at IS NOT NULL) AS read,
            count(*) FILTER (WHERE failed_at IS NOT NULL) AS failed
     FROM messages WHERE command_id IS NOT NULL`,
  );
  return {
    published: published.size,
    accepted: times.size,
    delivered: Number(counts?.delivered ?? 0),
    read: Number(counts?.read ?? 0),
    failed: Number(counts?.failed ?? 0),
    deadLettered: dead.size,
    lost: [...published].filter((id) => !times.has(id) && !dead.has(id)).length,
    doubled: [...times.values()].filter((count) => count > 1).length,
  };
}

/** Whether all that is on its way has arrived: nothing waits at Meta's stand-in, and every command has a fate in the read model. */
export async function isSettled(platform: Platform, published: ReadonlySet<string>): Promise<boolean> {
  const { webhooks } = await platform.simulator.stats();
  if (webhooks.waiting > 0) return false;
  const [row] = await query<{ ended: string; moving: string }>(
    platform.databaseUrl,
    `SELECT (SELECT count(*) FROM commands WHERE state IN ('accepted', 'failed', 'dead-lettered')) AS ended,
            (SELECT count(*) FROM messages
             WHERE command_id IS NOT NULL AND delivered_at IS NULL AND read_at IS NULL AND failed_at IS NULL) AS moving`,
  );
  if (Number(row?.ended ?? 0) < published.size || Number(row?.moving ?? 0) > 0) return false;
  const { lost } = await checkWebhooks(platform.databaseUrl, await platform.simulator.acknowledged());
  return lost === 0;
}

/** The command id in a record of `whatsapp.outbound`; for what is no command, something that stands for it. */
export function commandIdOf({ value }: Pick<KafkaMessage, 'value'>): string {
  try {
    return (JSON.parse(String(value)) as { id: string }).id;
  } catch {
    return createHash('sha256')
      .update(value ?? '')
      .digest('hex');
  }
}
