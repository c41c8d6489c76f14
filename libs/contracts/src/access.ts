import { groups } from './groups';
import { type Topic, topics } from './topics';

/**
 * Who may do what with Kafka, declared once, as plain data: `talaria topics acls`, the manifests of Kubernetes and docs/operations/kafka.md are made of
 * it. No app may create, alter or delete a topic, nor anything with the cluster itself.
 */
export type Access = {
  /** The Kafka user, as SASL names it. */
  readonly principal: string;
  /** Who acts as this user. */
  readonly who: string;
  readonly reads: readonly Topic[];
  readonly writes: readonly Topic[];
  /** Whose partitions and settings are looked at. Whoever reads or writes a topic sees its partitions anyway. */
  readonly describes: readonly Topic[];
  readonly creates: readonly Topic[];
  readonly groups: readonly GroupAccess[];
};

/** Consumer groups by name, without the prefix: one, or all that begin so. */
export type GroupAccess = {
  readonly name: string;
  readonly pattern: Pattern;
  /** joins: reads as a member, and commits · describes: sees its members and offsets · deletes: removes it when nobody reads in it any more */
  readonly may: readonly ('joins' | 'describes' | 'deletes')[];
};

export type Pattern = 'literal' | 'prefixed';

/** Kafka's words. Read and Write imply Describe. */
export type Operation = 'Read' | 'Write' | 'Create' | 'Delete' | 'Describe' | 'DescribeConfigs';

/** What Kafka's authorizer keeps for one resource: all of it allowed, from any host. */
export type Acl = {
  readonly resource: { readonly type: 'topic' | 'group'; readonly name: string; readonly pattern: Pattern };
  readonly operations: readonly Operation[];
};

const all: readonly Topic[] = Object.values(topics);
const retries: readonly Topic[] = [topics.outboundRetry30s, topics.outboundRetry5m, topics.outboundRetry1h];

/** What each of our own programs needs, and no more. */
export const access = {
  ingestion: {
    principal: 'talaria-ingestion',
    who: 'ingestion',
    reads: [],
    writes: [topics.webhooks, topics.webhooksDlq],
    describes: [],
    creates: [],
    groups: [],
  },
  processor: {
    principal: 'talaria-processor',
    who: 'processor',
    reads: [topics.webhooks, topics.dispatches, topics.webhooksDlq, topics.outboundDlq],
    writes: [topics.events, topics.webhooksDlq],
    describes: [],
    creates: [],
    groups: [
      { name: groups.projections, pattern: 'prefixed', may: ['joins'] },
      { name: groups.deadLetters, pattern: 'literal', may: ['joins'] },
    ],
  },
  dispatcher: {
    principal: 'talaria-dispatcher',
    who: 'dispatcher',
    reads: [topics.outbound, ...retries, topics.events],
    writes: [topics.outbound, ...retries, topics.outboundDlq, topics.dispatches],
    describes: [],
    creates: [],
    groups: [
      { name: groups.dispatcher, pattern: 'literal', may: ['joins'] },
      { name: groups.dispatcherStatuses, pattern: 'literal', may: ['joins'] },
    ],
  },
  operator: {
    principal: 'talaria-operator',
    who: 'the command `talaria`, but for `topics apply`',
    reads: [topics.outbound, ...retries, topics.events, topics.dispatches],
    writes: [topics.outbound, topics.webhooks, topics.dispatches, topics.webhooksDlq],
    describes: all,
    creates: [],
    groups: [
      { name: groups.tails, pattern: 'prefixed', may: ['joins', 'deletes'] },
      { name: groups.projections, pattern: 'prefixed', may: ['describes', 'deletes'] },
      { name: groups.dispatcher, pattern: 'literal', may: ['describes'] },
    ],
  },
  topics: {
    principal: 'talaria-topics',
    who: '`talaria topics apply`, `list` and `diff`',
    reads: [],
    writes: [],
    describes: all,
    creates: all,
    groups: [],
  },
} as const satisfies Record<string, Access>;

/**
 * What a product needs that publishes commands and hears what became of them, by @talaria/client or by itself: its own consumer groups then begin with its
 * name and a dot.
 * @param principal the Kafka user of the product
 */
export function productAccess(principal: string): Access {
  return {
    principal,
    who: 'a product that publishes commands and reads events',
    reads: [topics.events, topics.dispatches],
    writes: [topics.outbound],
    describes: [],
    creates: [],
    groups: [
      { name: `${principal}.`, pattern: 'prefixed', may: ['joins'] },
      { name: groups.clients, pattern: 'prefixed', may: ['joins'] },
    ],
  };
}

const ofGroups = { joins: 'Read', describes: 'Describe', deletes: 'Delete' } as const;

/**
 * The rules that give a user its access, one for each topic or group, in the order of the declaration.
 * @param prefix the installation's KAFKA_PREFIX
 */
export function aclsOf(of: Access, prefix: string): Acl[] {
  const ofTopics = all.flatMap((topic): Acl[] => {
    const may = (some: readonly Topic[], ...operations: Operation[]) =>
      some.some(({ name }) => name === topic.name) ? operations : [];
    const operations = [
      ...may(of.reads, 'Read'),
      ...may(of.writes, 'Write'),
      ...may(of.creates, 'Create'),
      ...may(of.describes, 'Describe', 'DescribeConfigs'),
    ];
    if (operations.length === 0) return [];
    return [{ resource: { type: 'topic', name: prefix + topic.name, pattern: 'literal' }, operations }];
  });
  const inGroups = of.groups.map(({ name, pattern, may }): Acl => ({
    resource: { type: 'group', name: prefix + name, pattern },
    operations: may.map((one) => ofGroups[one]),
  }));
  return [...ofTopics, ...inGroups];
}
