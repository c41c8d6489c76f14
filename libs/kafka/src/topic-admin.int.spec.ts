import { type Admin } from 'kafkajs';
import { testKafka, type TestKafka, testLogger } from '../../../test/kit';
import { createKafka } from './create-kafka';
import { createTopics, type TopicDeclaration } from './topic-admin';

describe('the creation of topics', () => {
  let kafka: TestKafka;
  let admin: Admin;
  const create = (declarations: readonly TopicDeclaration[]) =>
    createTopics(admin, declarations, { prefix: kafka.config.KAFKA_PREFIX, replicationFactor: 1 });

  beforeEach(async () => {
    kafka = await testKafka(['old'], 3);
    admin = createKafka(kafka.config, 'spec', testLogger).admin();
    await admin.connect();
  });

  afterEach(async () => {
    await admin.disconnect();
    await kafka.close();
  });

  it('creates what is missing, reports where a topic differs, and changes nothing that exists', async () => {
    const prefix = kafka.config.KAFKA_PREFIX;
    const declarations = [
      { name: 'old', partitions: 5, retentionMs: 1000 },
      { name: 'new', partitions: 2, retentionMs: 60_000 },
    ];
    const differences = [
      { topic: `${prefix}old`, setting: 'partitions', found: '3', declared: '5' },
      { topic: `${prefix}old`, setting: 'retention.ms', found: '-1', declared: '1000' },
    ];
    expect(await create(declarations)).toEqual({ created: [`${prefix}new`], differences });
    expect(await create(declarations)).toEqual({ created: [], differences });
    const asItIs = [
      { name: 'old', partitions: 3, retentionMs: -1 },
      { name: 'new', partitions: 2, retentionMs: 60_000 },
    ];
    expect(await create(asItIs)).toEqual({ created: [], differences: [] });
    await admin.deleteTopics({ topics: [`${prefix}new`] });
  });
});
