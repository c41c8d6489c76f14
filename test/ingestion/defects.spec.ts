import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { topics } from '@talaria/contracts';
import { createKafka } from '@talaria/kafka';
import { splitNotification } from '@talaria/whatsapp';
import {
  checkAcknowledged,
  eventually,
  numberedId,
  readMessageIds,
  startWebhookLoad,
  testKafka,
  type TestKafka,
  testLogger,
} from '../kit';

const LINGER_MS = 50;
const topic = topics.webhooks.name;

/** Items that are held when it is cut off: of every sender one body, and two where the second comes because the first was acknowledged. */
const HELD = { early: 240, late: 120 };

type Receiver = {
  readonly url: string;
  /** Writes no more, waits until it holds much, and goes as kill -9 makes it go: what lies in memory only is gone. */
  readonly cutOff: () => Promise<void>;
};

/**
 * A receiver of webhooks as many are written: it collects items and writes them together a few times a second.
 * @param answers `early` is the defect: 200 when the items are collected, not when they are written
 */
async function startReceiver({ config }: TestKafka, answers: 'early' | 'late'): Promise<Receiver> {
  const producer = createKafka(config, 'test', testLogger).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  let collected: { readonly key: string; readonly value: Buffer; readonly done: () => void }[] = [];
  let dead = false;

  const write = async () => {
    const batch = collected;
    collected = [];
    if (batch.length === 0) return;
    const messages = batch.map(({ key, value }) => ({ key, value }));
    await producer.send({ topic: config.KAFKA_PREFIX + topic, acks: -1, messages });
    for (const { done } of batch) done();
  };
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(write);
  }, LINGER_MS);

  const collect = async (request: IncomingMessage) => {
    const items = splitNotification(Buffer.concat(await request.toArray())) ?? [];
    return Promise.all(
      items.map(
        ({ phone = '', envelope }) =>
          new Promise<void>((done) => collected.push({ key: phone, value: envelope, done })),
      ),
    );
  };
  const server = createServer((request, response) => {
    const answer = () => {
      if (!dead) response.writeHead(200).end();
    };
    const written = collect(request);
    if (answers === 'late') void written.then(answer);
    else request.on('end', answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/whatsapp`,
    async cutOff() {
      clearInterval(timer);
      await eventually(() => expect(collected.length).toBeGreaterThanOrEqual(HELD[answers]));
      dead = true;
      collected = [];
      server.close();
      server.closeAllConnections();
      await writing;
      await producer.disconnect();
    },
  };
}

/** The load and the checker of the fault tests, on receivers of which one is wrong: a checker that finds nothing proves nothing. */
describe('a receiver that is cut off in the middle', () => {
  let kafka: TestKafka;

  beforeEach(async () => {
    kafka = await testKafka([topic], 12);
  });
  afterEach(() => kafka.close());

  const cutOff = async (answers: 'early' | 'late') => {
    const receiver = await startReceiver(kafka, answers);
    const load = startWebhookLoad({ url: receiver.url, appSecret: 'any' });
    await eventually(() => expect(load.acknowledgedAt.size).toBeGreaterThan(1000));
    await receiver.cutOff();
    await load.stop(0);
    return checkAcknowledged(load.acknowledgedAt.keys(), await readMessageIds(kafka.config, topic));
  };

  it('is found to have lost what it acknowledged before it was written', async () => {
    const { acknowledged, present, lost } = await cutOff('early');
    expect(lost.length).toBeGreaterThan(0);
    expect(acknowledged - present).toBe(lost.length);
    // No id is named by mistake: what is lost is the last few that its sender was told of.
    const isLast = (id: string) => {
      const [sender = 0, number = 0] = id.slice('wamid.'.length).split('-').map(Number);
      return !lost.includes(numberedId(sender, number - 10));
    };
    expect(lost.filter(isLast)).toEqual(lost);
  });

  it('is found to have lost nothing when it acknowledges what is written', async () => {
    expect(await cutOff('late')).toMatchObject({ lost: [], outOfOrder: [] });
  });
});
