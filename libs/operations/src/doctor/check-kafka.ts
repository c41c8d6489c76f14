import { ConfigurationError } from '@talaria/config';
import { groups, projectionGroup, topics } from '@talaria/contracts';
import { listProjections, readProgress, type Sql } from '@talaria/database';
import { fetchLogRanges, RefusedError } from '@talaria/kafka';
import { type Admin } from 'kafkajs';
import { diffTopics, type TopicsAccess } from '../topics/topics';
import { withAdmin } from '../with-admin';
import { type Check, type Found, NotCheckedError } from './finding';

/** Behind by more, a consumer is slower than what comes, or was away. */
const LAG = 10_000;

/** Whether Kafka is there, has the topics as declared, and its consumers keep up. */
export function kafkaChecks(open: () => TopicsAccess, openSql: () => Promise<Sql>): Check[] {
  // One answer for all: a cluster that is away is waited for once.
  let reached: Promise<TopicsAccess> | undefined;
  const reach = () => (reached ??= reachKafka(open));
  const ifThere = async (work: (kafka: TopicsAccess) => Promise<Found[]>) => {
    const kafka = await reach().catch((cause: unknown) => {
      throw new NotCheckedError('Kafka cannot be asked', { cause });
    });
    return work(kafka).catch(refusalFound);
  };
  return [
    { name: 'kafka', run: () => checkKafka(reach) },
    { name: 'topics', run: () => ifThere(checkTopics) },
    { name: 'lag', run: () => ifThere((kafka) => checkLag(kafka, openSql)) },
  ];
}

async function reachKafka(open: () => TopicsAccess): Promise<TopicsAccess> {
  const kafka = open();
  await withAdmin(kafka, (admin) => admin.describeCluster());
  return kafka;
}

async function checkKafka(reach: () => Promise<TopicsAccess>): Promise<Found[]> {
  const subject = 'KAFKA_BROKERS';
  try {
    const kafka = await reach();
    const { brokers } = await withAdmin(kafka, (admin) => admin.describeCluster());
    return [{ subject, result: 'ok', found: brokersText(brokers.length) }];
  } catch (error) {
    if (error instanceof ConfigurationError)
      throw new NotCheckedError('KAFKA_* are not right', { cause: error });
    if (error instanceof RefusedError) return refusalFound(error);
    const found = `no broker answers (${(error as Error).message.slice(0, 200)})`;
    const remedy = 'look whether the brokers run, and correct KAFKA_BROKERS, KAFKA_SSL and KAFKA_SASL_*';
    return [{ subject, result: 'failed', found, remedy }];
  }
}

function refusalFound(error: unknown): Found[] {
  if (!(error instanceof RefusedError)) throw error;
  return [{ subject: 'KAFKA_*', result: 'failed', found: 'Kafka refuses us', remedy: error.message }];
}

const brokersText = (count: number) =>
  count < 3
    ? `${count === 1 ? 'one broker answers' : `${count} brokers answer`}: enough for development, not to survive the loss of one`
    : `${count} brokers answer`;

async function checkTopics(kafka: TopicsAccess): Promise<Found[]> {
  const { missing, differences } = await diffTopics(kafka);
  if (missing.length + differences.length === 0)
    return [{ subject: 'all', result: 'ok', found: `${Object.keys(topics).length} topics are as declared` }];
  return [
    ...missing.map((subject): Found => ({
      ...{ subject, result: 'failed', found: 'it is missing', remedy: 'talaria topics apply' },
    })),
    ...differences.map(({ topic, setting, found, declared }): Found => ({
      ...{ subject: topic, result: 'failed', found: `${setting} is ${found}, declared is ${declared}` },
      remedy:
        setting === 'partitions'
          ? 'a topic never changes its partition count: set KAFKA_PARTITIONS to what all have, or make this one anew'
          : 'decide which is right, then kafka-configs.sh --alter',
    })),
  ];
}

async function checkLag(kafka: TopicsAccess, openSql: () => Promise<Sql>): Promise<Found[]> {
  const version = await liveVersion(openSql);
  return withAdmin(kafka, async (admin) => {
    const { KAFKA_PREFIX: prefix } = kafka.config;
    const dispatcher = await lagOfDispatcher(admin, prefix);
    const findings = [await groupFinding(admin, prefix, 'dispatcher', groups.dispatcher, dispatcher)];
    if (version === undefined) return findings;
    const group = projectionGroup(version.number);
    const processor = await lagBehind(admin, prefix, version.next);
    return [...findings, await groupFinding(admin, prefix, 'processor', group, processor)];
  });
}

type Positions = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** The version that readers see, and where it goes on; undefined where the database cannot say. */
async function liveVersion(openSql: () => Promise<Sql>) {
  try {
    const sql = await openSql();
    const live = (await listProjections(sql)).find(({ state }) => state === 'live');
    const progress = (await readProgress(sql)).find(({ version }) => version === live?.version);
    if (progress === undefined) return undefined;
    const next = new Map<string, Map<number, number>>();
    for (const name of [topics.webhooks.name, topics.dispatches.name]) next.set(name, new Map());
    for (const { topic, partition, next: offset } of progress.partitions)
      next.get(topic)?.set(partition, offset);
    return { number: progress.version, next };
  } catch {
    return undefined;
  }
}

async function lagBehind(admin: Admin, prefix: string, positions: Positions): Promise<number> {
  const names = [...positions.keys()];
  const ranges = await fetchLogRanges(
    admin,
    names.map((name) => prefix + name),
  );
  let lag = 0;
  for (const name of names)
    for (const [partition, { low, high }] of ranges.get(prefix + name) ?? [])
      lag += Math.max(0, high - Math.max(low, positions.get(name)?.get(partition) ?? 0));
  return lag;
}

/** What waits in a retry topic waits for its time: only what was just published counts. */
async function lagOfDispatcher(admin: Admin, prefix: string): Promise<number> {
  const { name } = topics.outbound;
  const committed = await admin.fetchOffsets({
    groupId: prefix + groups.dispatcher,
    topics: [prefix + name],
  });
  const next = new Map(
    committed.flatMap(({ partitions }) =>
      partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))] as const),
    ),
  );
  return lagBehind(admin, prefix, new Map([[name, next]]));
}

async function groupFinding(
  admin: Admin,
  prefix: string,
  subject: string,
  groupId: string,
  lag: number,
): Promise<Found> {
  const { groups: described } = await admin.describeGroups([prefix + groupId]);
  const members = described[0]?.members.length ?? 0;
  const behind = `${lag} records behind`;
  if (members === 0)
    return {
      ...{ subject, result: 'warning', found: `none runs; ${behind}` },
      remedy: `start it: node dist/apps/${subject}/src/main.js`,
    };
  const found = `${members} ${members === 1 ? 'process reads' : 'processes read'}, ${behind}`;
  if (lag <= LAG) return { subject, result: 'ok', found };
  return {
    ...{ subject, result: 'warning', found },
    remedy: `look at its log and at talaria_* of its METRICS_PORT; more processes read more partitions at once`,
  };
}
