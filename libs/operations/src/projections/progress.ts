import { type ProjectionProgress } from '@talaria/database';

/** The end of every partition in Kafka, by topic and partition. */
export type LogEnds = ReadonlyMap<string, number>;

export type VersionStatus = {
  readonly version: number;
  readonly shape: number;
  readonly state: string;
  /** How many records it has projected. */
  readonly records: number;
  /** Records that it could not project. */
  readonly skipped: number;
  /** How many records it is behind the live one. */
  readonly behindLive: number;
  /** How many records it is behind the end of the log; only where Kafka was asked. */
  readonly behindKafka?: number;
  /** Records a second, between the two looks. */
  readonly perSecond: number;
  /** Seconds until it has caught up, at this rate; only while it is behind and moves. */
  readonly secondsLeft?: number;
};

/**
 * What two looks at the versions tell, the second being the newer.
 * @param betweenMs how far apart they are
 */
export function statusOf(
  before: readonly ProjectionProgress[],
  now: readonly ProjectionProgress[],
  betweenMs: number,
  ends?: LogEnds,
): VersionStatus[] {
  const live = positionsOf(now.find(({ state }) => state === 'live'));
  return now.map((one) => {
    const positions = positionsOf(one);
    const records = sum(positions.values());
    const earlier = sum(positionsOf(before.find(({ version }) => version === one.version)).values());
    const perSecond = Math.max(0, ((records - earlier) * 1000) / betweenMs);
    const behindLive = gap(live, positions);
    const behindKafka = ends && gap(ends, positions);
    const behind = behindKafka ?? behindLive;
    return {
      version: one.version,
      shape: one.shape,
      state: one.state,
      records,
      skipped: one.skipped,
      behindLive,
      ...(behindKafka !== undefined && { behindKafka }),
      perSecond: Math.round(perSecond),
      ...(behind > 0 && perSecond > 0 && { secondsLeft: Math.ceil(behind / perSecond) }),
    };
  });
}

function positionsOf(progress: ProjectionProgress | undefined): Map<string, number> {
  return new Map(
    progress?.partitions.map(({ topic, partition, next }) => [`${topic}/${partition}`, next] as const),
  );
}

function gap(ahead: ReadonlyMap<string, number>, behind: ReadonlyMap<string, number>): number {
  return sum([...ahead].map(([id, next]) => Math.max(0, next - (behind.get(id) ?? 0))));
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, one) => total + one, 0);
}
