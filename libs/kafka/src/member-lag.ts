import { type AssignedPartition } from './assigned-partitions';
import { showLagRecords, showLagSeconds, showPartitions, showProgress } from './kafka.metrics';
import { type KafkaRecord } from './kafka-record';
import { RecordTimes } from './record-times';

/** What the metrics of a consumer are made of. Everything it is told costs next to nothing. */
export type MemberLag = {
  /** A batch of the partition was read. */
  read(held: AssignedPartition, highWatermark: number, records: readonly KafkaRecord[]): void;
  /** Some of it, or all, is in the hands of its handler. */
  taken(held: AssignedPartition): void;
  /** The partition ends there, whether or not anything of it is read now. */
  endsAt(held: AssignedPartition, highWatermark: number): void;
  close(): void;
};

type Known = { high: number; takenAt: number; readonly times: RecordTimes };
type Reading = {
  readonly group: string;
  readonly topic: string;
  partitions: number;
  records: number;
  seconds: number;
  progressAt: number;
};

const members = new Set<() => Reading[]>();
const show = (of: (reading: Reading) => number) => () =>
  [...members].flatMap((read) =>
    read().map((reading) => [{ group: reading.group, topic: reading.topic }, of(reading)] as const),
  );
showPartitions(show(({ partitions }) => partitions));
showLagRecords(show(({ records }) => records));
showLagSeconds(show(({ seconds }) => seconds));
showProgress(show(({ progressAt }) => progressAt));

/**
 * Shows in the metrics, until it is closed, how far a member of a group is behind.
 * @param topics by the names that the brokers know, each with the one it is shown by
 */
export function showMember(
  group: string,
  topics: ReadonlyMap<string, string>,
  assigned: () => readonly AssignedPartition[],
): MemberLag {
  const known = new WeakMap<AssignedPartition, Known>();

  function knownOf(held: AssignedPartition): Known {
    let found = known.get(held);
    if (found === undefined)
      known.set(held, (found = { high: 0, takenAt: Date.now(), times: new RecordTimes() }));
    return found;
  }

  function read(): Reading[] {
    const now = Date.now();
    const readings = new Map(
      [...topics].map(([name, topic]): [string, Reading] => [
        name,
        { group, topic, partitions: 0, records: 0, seconds: 0, progressAt: now / 1000 },
      ]),
    );
    for (const held of assigned()) {
      const reading = readings.get(held.topic);
      if (reading === undefined) continue;
      const { window, from, isPlaced } = held;
      const { high, takenAt, times } = knownOf(held);
      const records = isPlaced ? window.size + Math.max(0, high - Math.max(window.position, from)) : 0;
      const oldest = records === 0 ? undefined : times.at(window.floor ?? from);
      reading.partitions += 1;
      reading.records += records;
      reading.seconds = Math.max(reading.seconds, oldest === undefined ? 0 : (now - oldest) / 1000);
      if (!isPlaced || records > 0) reading.progressAt = Math.min(reading.progressAt, takenAt / 1000);
    }
    return [...readings.values()];
  }

  members.add(read);
  return {
    read(held, highWatermark, records) {
      const one = knownOf(held);
      one.high = highWatermark;
      const [first] = records;
      if (first !== undefined) one.times.note(first.offset, first.timestamp);
    },
    taken: (held) => (knownOf(held).takenAt = Date.now()),
    endsAt: (held, highWatermark) => (knownOf(held).high = highWatermark),
    close: () => members.delete(read),
  };
}
