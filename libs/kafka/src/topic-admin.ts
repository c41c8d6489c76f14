import { setTimeout as delay } from 'node:timers/promises';
import { ConfigResourceTypes, type Admin } from 'kafkajs';

export type TopicDeclaration = {
  readonly name: string;
  readonly partitions: number;
  /** Milliseconds; -1 keeps without end. */
  readonly retentionMs: number;
  /** Default: the broker's. */
  readonly maxMessageBytes?: number;
};

export type TopicReport = {
  readonly created: readonly string[];
  /** Where a topic that exists is not as declared, for a person to decide. */
  readonly differences: readonly string[];
};

/**
 * The broker unpacks what publishers have packed. kafkajs reads no lz4, snappy or zstd, which are ordinary settings of other clients: one
 * such batch would end every consumer that meets it.
 */
const COMPRESSION = 'uncompressed';

/**
 * Creates the topics that are missing. One that exists is compared and never changed: another partition count would re-key its
 * order, and a shorter retention would delete.
 * @param replicationFactor 3 outside development; at least 2 of them must then confirm a write
 */
export async function createTopics(
  admin: Admin,
  declarations: readonly TopicDeclaration[],
  { prefix, replicationFactor }: { readonly prefix: string; readonly replicationFactor: number },
): Promise<TopicReport> {
  const existing = new Set(await admin.listTopics());
  const missing = declarations.filter(({ name }) => !existing.has(prefix + name));
  if (missing.length > 0) {
    await admin.createTopics({
      // Waits for leaders too, but gives up when a broker has not heard of the topic yet: waited for below.
      waitForLeaders: false,
      timeout: 30_000,
      topics: missing.map(({ name, partitions, retentionMs, maxMessageBytes }) => ({
        topic: prefix + name,
        numPartitions: partitions,
        replicationFactor,
        configEntries: [
          { name: 'retention.ms', value: String(retentionMs) },
          { name: 'cleanup.policy', value: 'delete' },
          { name: 'compression.type', value: COMPRESSION },
          ...(maxMessageBytes === undefined
            ? []
            : [{ name: 'max.message.bytes', value: String(maxMessageBytes) }]),
          { name: 'min.insync.replicas', value: replicationFactor >= 3 ? '2' : '1' },
          { name: 'unclean.leader.election.enable', value: 'false' },
        ],
      })),
    });
    await untilOpen(
      admin,
      missing.map(({ name }) => prefix + name),
    );
  }
  const present = declarations.filter(({ name }) => existing.has(prefix + name));
  return {
    created: missing.map(({ name }) => prefix + name),
    differences: present.length === 0 ? [] : await compare(admin, present, prefix),
  };
}

const OPEN_WITHIN_MS = 30_000;

/** A new topic can be used when its partitions have leaders and these have opened them: a leader answers for its log only then. */
async function untilOpen(admin: Admin, names: readonly string[]): Promise<void> {
  const deadline = performance.now() + OPEN_WITHIN_MS;
  for (;;) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
      const isLed = topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
      if (isLed) {
        for (const name of names) await admin.fetchTopicOffsets(name);
        return;
      }
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not every partition of ${names.join(', ')} has a leader after ${OPEN_WITHIN_MS} ms`);
    }
    await delay(50);
  }
}

async function compare(
  admin: Admin,
  declarations: readonly TopicDeclaration[],
  prefix: string,
): Promise<string[]> {
  const names = declarations.map(({ name }) => prefix + name);
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configNames: ['retention.ms', 'cleanup.policy', 'compression.type', 'max.message.bytes'],
    })),
  });
  return declarations.flatMap((declared) => {
    const name = prefix + declared.name;
    const partitions = topics.find((topic) => topic.name === name)?.partitions.length;
    const entries = resources.find((resource) => resource.resourceName === name)?.configEntries ?? [];
    const valueOf = (key: string) => entries.find(({ configName }) => configName === key)?.configValue;
    return [
      difference(name, 'partitions', partitions, declared.partitions),
      difference(name, 'retention.ms', valueOf('retention.ms'), declared.retentionMs),
      difference(name, 'cleanup.policy', valueOf('cleanup.policy'), 'delete'),
      difference(name, 'compression.type', valueOf('compression.type'), COMPRESSION),
      declared.maxMessageBytes &&
        difference(name, 'max.message.bytes', valueOf('max.message.bytes'), declared.maxMessageBytes),
    ].filter((one) => typeof one === 'string');
  });
}

function difference(topic: string, what: string, found: unknown, declared: unknown): string | undefined {
  return String(found) === String(declared)
    ? undefined
    : `${topic}: ${what} is ${String(found)}, declared is ${String(declared)}`;
}
