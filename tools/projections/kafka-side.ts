import { topics } from '@talaria/contracts';
import { createKafka, fetchLogRanges, type KafkaConfig } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { type Admin } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import { groupOf } from '../../apps/processor/src/rebuild/start-version';
import { type LogEnds } from './progress';

const projected = [topics.webhooks.name, topics.dispatches.name];
const STOPPED_WITHIN_MS = 15_000;

/** Where the topics that are projected end. */
export function readLogEnds(config: KafkaConfig): Promise<LogEnds> {
  return withAdmin(config, async (admin) => {
    const ranges = await fetchLogRanges(
      admin,
      projected.map((topic) => config.KAFKA_PREFIX + topic),
    );
    return new Map(
      projected.flatMap((topic) =>
        [...(ranges.get(config.KAFKA_PREFIX + topic) ?? [])].map(
          ([partition, { high }]) => [`${topic}/${partition}`, high] as const,
        ),
      ),
    );
  });
}

/** Waits until no processor works on a version any more, and removes its consumer group. @returns whether it did */
export function deleteGroup(config: KafkaConfig, version: number): Promise<boolean> {
  const groupId = config.KAFKA_PREFIX + groupOf(version);
  return withAdmin(config, async (admin) => {
    const deadline = performance.now() + STOPPED_WITHIN_MS;
    for (;;) {
      const { groups } = await admin.describeGroups([groupId]);
      const group = groups[0];
      if (group === undefined || group.state === 'Dead') return true;
      if (group.members.length === 0) break;
      if (performance.now() > deadline) return false;
      await delay(200);
    }
    await admin.deleteGroups([groupId]);
    return true;
  });
}

async function withAdmin<T>(config: KafkaConfig, work: (admin: Admin) => Promise<T>): Promise<T> {
  const logger = createLogger('projections', process.env.LOG_LEVEL ?? 'silent');
  const admin = createKafka(config, 'talaria.projections', logger, { retry: { retries: 2 } }).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
