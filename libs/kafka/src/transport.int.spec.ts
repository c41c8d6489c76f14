import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { eventually, testKafka, type TestKafka, testLogger } from '../../../test/kit';
import { KafkaTransport, OnBatch } from './transport';
import { type RecordBatch } from './record-batch';
import { createVerifiedProducer } from './verified-producer';

describe('the Nest transport', () => {
  let kafka: TestKafka;
  const transport = () =>
    new KafkaTransport({
      config: kafka.config,
      groupId: 'group',
      logger: testLogger,
      onFatal: () => undefined,
    });

  beforeEach(async () => {
    kafka = await testKafka(['orders', 'stock'], 1);
  });
  afterEach(() => kafka.close());

  it('gives each handler the batches of its topic, and brings again what a handler has thrown at', async () => {
    const calls: string[] = [];
    @Controller()
    class Handlers {
      @OnBatch({ name: 'orders' })
      async orders({ records, done }: RecordBatch): Promise<void> {
        calls.push(`orders ${records.map(({ offset }) => offset).join()}`);
        await Promise.resolve();
        if (calls.length === 1) throw new Error('on purpose');
        for (const { offset } of records) done(offset);
      }

      @OnBatch({ name: 'stock' })
      stock({ topic, records }: RecordBatch): { taken: number; resume: Promise<void> } {
        calls.push(`${topic} ${records.map(({ offset }) => offset).join()}`);
        return { taken: 1, resume: Promise.resolve() };
      }
    }
    @Module({ controllers: [Handlers] })
    class App {}

    const strategy = transport();
    const app = await NestFactory.createMicroservice(App, { strategy, logger: false });
    await app.listen();
    const producer = await createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['orders', 'stock'],
      logger: testLogger,
    });
    try {
      expect(strategy.joined()).toBe(true);
      expect(strategy.fault()).toBeUndefined();
      await producer.send({ topic: 'orders', key: null, value: 'a' });
      await eventually(() => expect(calls).toEqual(['orders 0', 'orders 0']));
      await Promise.all(['a', 'b'].map((value) => producer.send({ topic: 'stock', key: null, value })));
      await eventually(() => expect(calls.slice(2)).toEqual(['stock 0,1', 'stock 1']));
    } finally {
      await producer.close();
      await app.close();
    }
    expect(strategy.joined()).toBe(false);
  });

  it('does not start with two handlers for one topic: Nest would mix up their results', async () => {
    @Controller()
    class Handlers {
      @OnBatch({ name: 'orders' })
      one(): void {
        return undefined;
      }

      @OnBatch({ name: 'orders' })
      two(): void {
        return undefined;
      }
    }
    @Module({ controllers: [Handlers] })
    class App {}
    const app = await NestFactory.createMicroservice(App, { strategy: transport(), logger: false });
    await expect(app.listen()).rejects.toThrow('topic orders has two @OnBatch methods');
    await app.close();
  });
});
