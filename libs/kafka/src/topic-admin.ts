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

/** Where a topic that exists is not as declared, for a person to decide. */
export type TopicDifference = {
  /** With the prefix. */
  readonly topic: string;
  /** `partitions`, or the name of a configuration entry. */
  readonly setting: string;
  readonly found: string;
  readonly declared: string;
};

export type TopicReport = {
  readonly created: readonly string[];
  readonly differences: readonly TopicDifference[];
};

/**
 * The broker unpacks what publishers have packed. kafkajs reads no lz4, snappy or zstd, which are ordinary settings of other clients: one
 * such batch would end every consumer that meets it.
 */
const COMPRESSION = 'uncompressed';

/** The settings that a topic of ours is created with; for whoever creates it in another way, too. */
export function topicConfig(
  { retentionMs, maxMessageBytes }: Omit<TopicDeclaration, 'name' | 'partitions'>,
  replicationFactor: number,
): Readonly<Record<string, string>> {
  return {
    'retention.ms': String(retentionMs),
    'cleanup.policy': 'delete',
    'compression.type': COMPRESSION,
    ...(maxMessageBytes !== undefined && { 'max.message.bytes': String(maxMessageBytes) }),
    'min.insync.replicas': replicationFactor >= 3 ? '2' : '1',
    'unclean.leader.election.enable': 'false',
  };
}

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
  const { missing: names, differences } = await compareTopics(admin, declarations, prefix);
  const missing = declarations.filter(({ name }) => names.includes(prefix + name));
  if (missing.length > 0) {
    await admin.createTopics({
      // Waits for leaders too, but gives up when a broker has not heard of the topic yet: waited for below.
      waitForLeaders: false,
      timeout: 30_000,
      topics: missing.map((declared) => ({
        topic: prefix + declared.name,
        numPartitions: declared.partitions,
        replicationFactor,
        configEntries: Object.entries(topicConfig(declared, replicationFactor)).map(([name, value]) => ({
          name,
          value,
        })),
      })),
    });
    await untilOpen(admin, names);
  }
  return { created: names, differences };
}

/** Which topics are missing, by their full names, and where those that exist are not as declared. Changes nothing. */
export async function compareTopics(
  admin: Admin,
  declarations: readonly TopicDeclaration[],
  prefix: string,
): Promise<{ readonly missing: readonly string[]; readonly differences: readonly TopicDifference[] }> {
  const existing = new Set(await admin.listTopics());
  const present = declarations.filter(({ name }) => existing.has(prefix + name));
  return {
    missing: declarations.map(({ name }) => prefix + name).filter((name) => !existing.has(name)),
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
): Promise<TopicDifference[]> {
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
      differenceOf(name, 'partitions', partitions, declared.partitions),
      differenceOf(name, 'retention.ms', valueOf('retention.ms'), declared.retentionMs),
      differenceOf(name, 'cleanup.policy', valueOf('cleanup.policy'), 'delete'),
      differenceOf(name, 'compression.type', valueOf('compression.type'), COMPRESSION),
      declared.maxMessageBytes === undefined
        ? []
        : differenceOf(name, 'max.message.bytes', valueOf('max.message.bytes'), declared.maxMessageBytes),
    ].flat();
  });
}

function differenceOf(topic: string, setting: string, found: unknown, declared: unknown): TopicDifference[] {
  const difference = { topic, setting, found: String(found), declared: String(declared) };
  return difference.found === difference.declared ? [] : [difference];
}
