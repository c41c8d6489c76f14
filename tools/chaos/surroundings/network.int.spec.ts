import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { eventually } from '../../setup/eventually';
import { startOwnStack } from '../../setup/own-stack';
import { repositoryRoot } from '../../stack/repository';
import { type Stack } from '../../stack/stack';
import { createNetwork, type Network } from './network';

const topic = 'records';

/** On three brokers, of which each leads one partition of three replicas. */
describe('a network', () => {
  const directory = join(repositoryRoot(), '.talaria/tests', `network-${randomUUID().slice(0, 8)}`);
  const network: Network = createNetwork();
  let stack: Stack;
  const clients: (Admin | Producer)[] = [];

  beforeAll(async () => {
    const listeners = network.listeners(['left', 'right', 'brokers']);
    stack = await startOwnStack({ directory, brokers: 3, clients: listeners });
    const admin = await connected(kafkaOf('left').admin());
    // One that has just started is none of the cluster's yet.
    await eventually(async () => expect((await admin.describeCluster()).brokers).toHaveLength(3));
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
  }, 120_000);

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.disconnect()));
    await stack.stop();
    await network.close();
    expect(existsSync(directory)).toBe(false);
  }, 60_000);

  async function connected<T extends Admin | Producer>(client: T): Promise<T> {
    await client.connect();
    clients.push(client);
    return client;
  }
  const kafkaOf = (client: string) =>
    new Kafka({
      brokers: network.kafkaBrokers(client).split(','),
      ...{ logLevel: logLevel.NOTHING, requestTimeout: 2000, connectionTimeout: 1000, retry: { retries: 1 } },
    });
  const producerOf = (client: string) => connected(kafkaOf(client).producer());
  const send = (producer: Producer, partition: number) =>
    producer.send({ topic, acks: -1, timeout: 1500, messages: [{ partition, value: randomUUID() }] });
  const leaders = async () => {
    const { topics } = await (
      await connected(kafkaOf('left').admin())
    ).fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]!.partitions;
    return [0, 1, 2].map((id) => partitions.find(({ partitionId }) => partitionId === id)?.leader);
  };
  const portsOf = (addresses: string) => addresses.split(',').map((address) => Number(address.split(':')[1]));

  it('shows a client nothing of the brokers but its own links', async () => {
    for (const client of ['left', 'right']) {
      const { brokers } = await (await connected(kafkaOf(client).admin())).describeCluster();
      expect(brokers.map(({ port }) => port).sort()).toEqual(portsOf(network.kafkaBrokers(client)).sort());
    }
  });

  it('in which one way is cut hurts that client on that broker, and nobody else; healed, it goes on', async () => {
    const [left, right] = await Promise.all([producerOf('left'), producerOf('right')]);
    const all = (producer: Producer) => Promise.all([0, 1, 2].map((partition) => send(producer, partition)));
    // They have just started, and a machine may be slow.
    await eventually(() => Promise.all([all(left), all(right)]));
    const [first, ...others] = await leaders();
    const link = network.between('left', `kafka-${first}`);
    expect(link.connections()).toBeGreaterThan(0);
    link.hurt({ kind: 'cut' });
    await expect(send(left, 0)).rejects.toThrow();
    expect(new Set(others)).not.toContain(first);
    await eventually(() => all(right));
    await eventually(() => Promise.all([send(left, 1), send(left, 2)]));
    link.heal();
    await eventually(() => send(left, 0));
  });

  it('has the ways between the brokers: without them nothing is confirmed by those in sync', async () => {
    const producer = await producerOf('right');
    const [first] = await leaders();
    const link = network.between('brokers', `kafka-${first}`);
    expect(link.connections()).toBeGreaterThanOrEqual(2);
    link.hurt({ kind: 'cut' });
    await expect(send(producer, 0)).rejects.toThrow();
    link.heal();
    await eventually(() => send(producer, 0));
  });

  it('says which ways there are when it is asked for another, or for one twice', async () => {
    const place = { host: '127.0.0.1', port: 1 };
    await network.open('dispatcher', 'simulator', place);
    await expect(network.open('dispatcher', 'simulator', place)).rejects.toThrow('already');
    expect(() => network.between('dispatcher', 'kafka-1')).toThrow('dispatcher/simulator');
    expect(() => network.kafkaBrokers('dispatcher')).toThrow('No broker has a listener for dispatcher');
  });
});
