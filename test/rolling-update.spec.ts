import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { parseCallbackData, type SendMessage, topics } from '@talaria/contracts';
import { createKafka, partitionOf } from '@talaria/kafka';
import { type Balancer, startBalancer } from '../tools/chaos/surroundings/balancer';
import { type AppProcess } from '../tools/platform/app-process';
import { checkWebhooks } from '../tools/platform/check-platform';
import { appSecret, type Platform } from '../tools/platform/platform';
import { check, kinds } from '../tools/chaos/outbound/check';
import { type Published } from '../tools/chaos/outbound/evidence';
import { gather } from '../tools/chaos/outbound/gather';
import { readTopic } from '../tools/chaos/read-topic';
import { settle } from '../tools/chaos/settle';
import {
  checkAcknowledged,
  countByStatus,
  eventually,
  kafkaConfigOf,
  startWebhookLoad,
  testLogger,
  testPlatform,
} from './kit';

const EACH = 3;
const workloads = ['ingestion', 'processor', 'dispatcher'] as const;
type Workload = (typeof workloads)[number];

/** What Kubernetes gives a process before it kills it is longer than what ours take at most. */
const GRACE_MS = 10_000;
/** The longest, and longer than a busy machine keeps Kafka from answering: what goes to a spool is behind what others write meanwhile. */
const doorSettings = { SHUTDOWN_DELAY: '3s', WEBHOOK_ACK_TIMEOUT: '6s' };
const RECIPIENTS = 6;
const PUBLISH_EVERY_MS = 400;

/** Two WABAs for each third of the partitions. */
const numbers = [0, 1, 2].flatMap((third) =>
  Array.from({ length: 1000 }, (_, index) => String(920_000 + index))
    .filter((wabaId) => partitionOf(Buffer.from(wabaId), topics.outbound.partitions) % EACH === third)
    .slice(0, 2)
    .map((wabaId) => ({
      wabaId,
      phoneNumberId: `${wabaId}01`,
      displayPhoneNumber: `+1${wabaId}01`,
      accessToken: `token-${wabaId}`,
    })),
);

type Replaced = {
  readonly name: string;
  readonly how: string;
  readonly drainMs: number;
  readonly readyMs: number;
};

describe('three of each app, replaced one after the other under load', () => {
  let platform: Platform;
  let balancer: Balancer;
  const processes: Record<Workload, AppProcess[]> = { ingestion: [], processor: [], dispatcher: [] };

  beforeAll(async () => {
    balancer = await startBalancer();
    platform = await testPlatform('rolling', {
      simulator: { WEBHOOK_URL: `${balancer.url}/webhooks/whatsapp` },
      ingestion: doorSettings,
    });
    for (const number of numbers) await platform.addNumber(number);
    // So that calls are under way whenever a dispatcher is told to stop.
    await platform.simulator.addFault({ match: {}, times: null, answer: { delayMs: 250 } });
    for (const workload of workloads) {
      const others = Array.from({ length: EACH - 1 }, (_, index) =>
        platform.addAnother(workload, `${workload}-${index + 2}`),
      );
      processes[workload] = [platform.apps[workload], ...(await Promise.all(others))];
    }
    for (const app of processes.ingestion) balancer.add(app);
  }, 180_000);

  afterAll(async () => {
    await platform.stop();
    await balancer.close();
  }, 120_000);

  /** One of a StatefulSet, or of a Deployment that may lack one: told to stop, gone, started anew in the same place, ready. */
  async function replace(app: AppProcess): Promise<Replaced> {
    const stopAt = Date.now();
    const how = await app.stop();
    const startAt = Date.now();
    await app.start();
    return { name: app.name, how, drainMs: startAt - stopAt, readyMs: Date.now() - startAt };
  }

  async function replaceAll(workload: Workload): Promise<Replaced[]> {
    const replaced: Replaced[] = [];
    for (const app of processes[workload]) replaced.push(await replace(app));
    return replaced;
  }

  it('refuses no webhook, loses, doubles and reorders nothing, and each is gone within its grace', async () => {
    const config = kafkaConfigOf(platform);
    await eventually(() => expect(balancer.ready()).toBe(EACH));
    const load = startWebhookLoad({
      url: `${balancer.url}/webhooks/whatsapp`,
      appSecret,
      senders: 8,
      pauseMs: 150,
    });
    const commands = publishSteadily(platform);
    await eventually(async () => {
      expect((await platform.simulator.stats()).accepted).toBeGreaterThan(numbers.length * 5);
      expect(balancer.byName.size).toBe(EACH);
    }, 60_000);

    const rebalancesBefore = await countRebalances(processes);
    const from = Date.now();
    // The three beside each other, as whoever applies a new version to a cluster does.
    const replaced = (await Promise.all(workloads.map(replaceAll))).flat();
    const tookMs = Date.now() - from;
    const { accepted } = await platform.simulator.stats();
    await eventually(
      async () =>
        expect((await platform.simulator.stats()).accepted).toBeGreaterThan(accepted + numbers.length * 2),
      60_000,
    );
    await load.stop();
    const published = await commands.stop();

    const moving = await settle(platform, config, published.length, 60_000, testLogger);
    const written = await readIds(platform, topics.webhooks.name);
    const told = await readIds(platform, topics.events.name);
    const slowest = (all: readonly number[]) => all.reduce((most, one) => Math.max(most, one), 0);
    const writtenAt = new Map(written.map(({ id, at }) => [id, at]));
    const acceptedAt = await platform.simulator.accepted();
    const figures = {
      tookMs,
      webhooks: balancer.answered(),
      slowestAnswerMs: slowest(load.answers.map((answer) => answer.tookMs)),
      commands: published.length,
      slowestFromPublishedToSentMs: slowest(
        acceptedAt.map(
          ({ at, callbackData }) =>
            at - (commands.sentAt.get(parseCallbackData(callbackData)?.commandId ?? '') ?? at),
        ),
      ),
      slowestFromWebhookToEventMs: slowest(told.map(({ id, at }) => at - (writtenAt.get(id) ?? at))),
      repeatedEvents: told.length - new Set(told.map(({ id }) => id)).size,
      rebalances: (await countRebalances(processes)) - rebalancesBefore,
      replaced,
    };
    process.stdout.write(`${inspect(figures, { depth: 3, breakLength: 140 })}\n`);

    // Each process, and each webhook.
    expect(replaced.filter(({ how, drainMs }) => how !== 'exit code 0' || drainMs > GRACE_MS)).toEqual([]);
    expect([balancer.refusals, load.failures(), countByStatus(load.answers)]).toEqual([
      [],
      0,
      { 200: load.answers.length },
    ]);

    expect(moving).toBeUndefined();
    const blocked = new Set<string>();
    const evidence = await gather(
      platform,
      config,
      {
        ...{
          published,
          deaths: [],
          departures: undefined,
          late: [],
          toldAt: new Map(),
          lookedForMs: 300_000,
          blocked,
        },
        messagesPerSecond: new Map(),
      },
      testLogger,
    );
    expect(check(evidence)).toEqual(Object.fromEntries(kinds.map((kind) => [kind, []])));
    // What was in a retry topic might have been overtaken.
    expect([evidence.retried.size, evidence.deadLetters.length]).toEqual([0, 0]);

    const acknowledged = [...load.acknowledgedAt.keys()].map((id) => ({
      ...{ kind: 'message' as const, phoneNumberId: '840001', id },
    }));
    await eventually(async () => {
      const all = [...acknowledged, ...(await platform.simulator.acknowledged())];
      expect(await checkWebhooks(platform.databaseUrl, all)).toMatchObject({ lost: 0, duplicated: 0 });
    });
    const ids = load.acknowledgedAt.keys();
    const inOrder = { lost: [], outOfOrder: [] };
    expect(
      checkAcknowledged(
        ids,
        written.map(({ id }) => id),
      ),
    ).toMatchObject({ ...inOrder, copies: 0 });
    expect(
      checkAcknowledged(
        load.acknowledgedAt.keys(),
        told.map(({ id }) => id),
      ),
    ).toMatchObject(inOrder);
  }, 300_000);
});

/** The ids of the load's messages in the order of each partition, and when each was written. */
async function readIds(platform: Platform, topic: string): Promise<{ id: string; at: number }[]> {
  const records = await readTopic(kafkaConfigOf(platform), topic, testLogger);
  return records.flatMap(({ value, timestamp }) => {
    const [, id] = /"(wamid\.\d+-\d+)"/.exec(String(value)) ?? [];
    return id === undefined ? [] : [{ id, at: Number(timestamp) }];
  });
}

/** How often the members of all groups have joined, since each was started. */
async function countRebalances(
  processes: Readonly<Record<Workload, readonly AppProcess[]>>,
): Promise<number> {
  const logs = [...processes.processor, ...processes.dispatcher].map(({ logFile }) =>
    readFile(logFile, 'utf8'),
  );
  return (await Promise.all(logs)).join('').split('joined the consumer group').length - 1;
}

type Commands = {
  /** When each was published. */
  readonly sentAt: ReadonlyMap<string, number>;
  stop(): Promise<Published[]>;
};

/** One command for each number at a time, to few people: their order is looked at. */
function publishSteadily(platform: Platform): Commands {
  const producer = createKafka(kafkaConfigOf(platform), 'test-product', testLogger).producer();
  const published: Published[] = [];
  const sentAt = new Map<string, number>();
  let isStopped = false;
  const work = (async () => {
    await producer.connect();
    for (let index = 0; !isStopped; index++) {
      const commands = numbers.map((number) => aCommand(number, index));
      const messages = commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) }));
      await producer.send({ topic: platform.kafkaPrefix + topics.outbound.name, acks: -1, messages });
      for (const [place, { id, phoneNumberId, to = '' }] of commands.entries()) {
        sentAt.set(id, Date.now());
        const { value = '' } = messages[place] ?? {};
        const plain = { mayResend: false, expiresAt: undefined, partition: -1, at: Date.now() };
        published.push({ id, phoneNumberId, to, value, ...plain });
      }
      // Nothing is waited for: this is the pace of the load.
      await new Promise((resolve) => setTimeout(resolve, PUBLISH_EVERY_MS));
    }
    await producer.disconnect();
  })();
  return {
    sentAt,
    async stop() {
      isStopped = true;
      await work;
      return published;
    },
  };
}

function aCommand({ wabaId, phoneNumberId }: (typeof numbers)[number], index: number): SendMessage {
  return {
    id: `${phoneNumberId}-${index}`,
    wabaId,
    phoneNumberId,
    to: `+4915161${String(10_000 + (index % RECIPIENTS))}`,
    message: { type: 'text', text: { body: `message ${index}` } },
  };
}
