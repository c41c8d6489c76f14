import { setTimeout as delay } from 'node:timers/promises';
import { projectionGroup, topics } from '@talaria/contracts';
import { fetchLogRanges } from '@talaria/kafka';
import { type KafkaAccess, withAdmin } from '../with-admin';
import { type LogEnds } from './progress';

const projected = [topics.webhooks.name, topics.dispatches.name];
const STOPPED_WITHIN_MS = 15_000;

/** Where the topics that are projected end. */
export function readLogEnds(kafka: KafkaAccess): Promise<LogEnds> {
  return withAdmin(kafka, async (admin) => {
    const ranges = await fetchLogRanges(
      admin,
      projected.map((topic) => kafka.config.KAFKA_PREFIX + topic),
    );
    return new Map(
      projected.flatMap((topic) =>
        [...(ranges.get(kafka.config.KAFKA_PREFIX + topic) ?? [])].map(
          ([partition, { high }]) => [`${topic}/${partition}`, high] as const,
        ),
      ),
    );
  });
}

/** Waits until no processor works on a version any more, and removes its consumer group. @returns whether it did */
export function deleteGroup(kafka: KafkaAccess, version: number): Promise<boolean> {
  const groupId = kafka.config.KAFKA_PREFIX + projectionGroup(version);
  return withAdmin(kafka, async (admin) => {
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
