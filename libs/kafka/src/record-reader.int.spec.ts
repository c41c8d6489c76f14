import { type Admin } from 'kafkajs';
import { testKafka, type TestKafka, testLogger } from '../../../test/kit';
import { createKafka } from './create-kafka';
import { createRecordReader, type RecordReader } from './record-reader';

describe('the record reader', () => {
  let kafka: TestKafka;
  let admin: Admin;
  let reader: RecordReader;

  beforeAll(async () => {
    kafka = await testKafka(['records', 'committed'], 2);
    const { config } = kafka;
    const client = createKafka(config, 'spec', testLogger);
    admin = client.admin();
    await admin.connect();
    const producer = client.producer();
    await producer.connect();
    const messages = Array.from({ length: 50 }, (_, index) => ({
      ...{ key: 'k', value: `value ${index}`, headers: { name: `header ${index}` } },
      partition: 1,
    }));
    const topic = `${config.KAFKA_PREFIX}records`;
    await producer.send({ topic, messages: messages.slice(0, 40) });
    await producer.send({ topic, messages: messages.slice(40) });
    await producer.disconnect();
    reader = createRecordReader({
      ...{ config, clientId: 'spec', logger: testLogger },
      topics: ['records', 'committed'],
    });
  }, 60_000);

  afterAll(async () => {
    await reader.close();
    await admin.disconnect();
    await kafka.close();
  });

  it.each([0, 17, 39, 40, 49])('reads the record at offset %i as a consumer got it', async (offset) => {
    const all = await kafka.readAll('records');
    const found = await reader.fetchRecord('records', 1, offset);
    expect(String(found?.value)).toBe(`value ${offset}`);
    expect(found).toEqual(all[offset]);
  });

  it('finds nothing where no record is yet, nor far beyond the end', async () => {
    expect(await reader.fetchRecord('records', 1, 50)).toBeUndefined();
    expect(await reader.fetchRecord('records', 1, 5000)).toBeUndefined();
    expect(await reader.fetchRecord('records', 0, 0)).toBeUndefined();
  });

  it('takes the mark of a transaction for no record', async () => {
    const transactional = createKafka(kafka.config, 'spec', testLogger).producer({
      ...{ transactionalId: `${kafka.config.KAFKA_PREFIX}spec`, idempotent: true, maxInFlightRequests: 1 },
    });
    await transactional.connect();
    const transaction = await transactional.transaction();
    const messages = [{ value: 'committed', partition: 0 }];
    await transaction.send({ topic: `${kafka.config.KAFKA_PREFIX}committed`, messages });
    await transaction.commit();
    await transactional.disconnect();
    expect(String((await reader.fetchRecord('committed', 0, 0))?.value)).toBe('committed');
    expect(await reader.fetchRecord('committed', 0, 1)).toBeUndefined();
  });

  it('finds nothing where the record is gone, and goes on reading behind it', async () => {
    const topic = `${kafka.config.KAFKA_PREFIX}records`;
    // kafkajs asks for the topic's leaders only then.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '20' }] });
    expect(await reader.fetchRecord('records', 1, 19)).toBeUndefined();
    expect(String((await reader.fetchRecord('records', 1, 20))?.value)).toBe('value 20');
  });

  it('says so when a partition is not known, and reads others after it', async () => {
    await expect(reader.fetchRecord('records', 7, 0)).rejects.toThrow(/nobody leads partition 7/);
    expect(String((await reader.fetchRecord('records', 1, 20))?.value)).toBe('value 20');
  });
});
