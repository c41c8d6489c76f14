import fc from 'fast-check';
import Decoder from 'kafkajs/src/protocol/decoder';
import decodeBatch from 'kafkajs/src/protocol/recordBatch/v0/decoder';
import { crc32c } from './crc32c';
import { encodeProduce, type PartitionBatch } from './encode-produce';

/** Reads the body of a produce request as Kafka's protocol describes it; the batches by kafkajs's own decoder. */
async function decodeProduce(body: Buffer) {
  const decoder = new Decoder(body);
  const head = {
    transactionalId: decoder.readString(),
    acks: decoder.readInt16(),
    timeout: decoder.readInt32(),
  };
  const batches: PartitionBatch[] = [];
  const topics = decoder.readInt32();
  for (let topicIndex = 0; topicIndex < topics; topicIndex++) {
    const topic = decoder.readString() ?? '';
    const partitions = decoder.readInt32();
    for (let index = 0; index < partitions; index++) {
      const partition = decoder.readInt32();
      const bytes = decoder.readBytes() ?? Buffer.alloc(0);
      expect(crc32c(bytes.subarray(21))).toBe(bytes.readUInt32BE(17));
      const { records } = await decodeBatch(new Decoder(bytes));
      batches.push({
        topic,
        partition,
        records: records.map(({ key, value, headers }) => ({
          key,
          value,
          headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
        })),
      });
    }
  }
  expect(decoder.canReadBytes(1)).toBe(false);
  return { head, batches };
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));
const record = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(
    fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((name) => !(name in {})),
    fc.string({ maxLength: 200, unit: 'grapheme' }),
    { maxKeys: 6 },
  ),
});

describe('a produce request', () => {
  it('holds every record as it was given, whatever its bytes and headers are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'topic.é'), fc.nat({ max: 3 })), {
          selector: ([topic, partition]) => `${topic}/${partition}`,
          minLength: 1,
        }),
        fc.array(fc.array(record, { minLength: 1, maxLength: 80 }), { minLength: 8, maxLength: 8 }),
        async (places, records) => {
          const batches = places.map(([topic, partition], index) => ({
            topic,
            partition,
            records: records[index]!,
          }));
          const { head, batches: found } = await decodeProduce(encodeProduce(batches, 3000, Date.now()));
          expect(head).toEqual({ transactionalId: null, acks: -1, timeout: 3000 });
          const order = (some: readonly PartitionBatch[]) =>
            [...some].sort((a, b) => `${a.topic}/${a.partition}`.localeCompare(`${b.topic}/${b.partition}`));
          expect(order(found)).toEqual(order(batches));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes records of any length', async () => {
    for (const length of [0, 63, 64, 8191, 8192, 1_048_575, 1_048_576, 5_000_000]) {
      const value = Buffer.alloc(length, 'x');
      const { batches } = await decodeProduce(
        encodeProduce([{ topic: 'a', partition: 0, records: [{ key: null, value, headers: {} }] }], 1, 0),
      );
      expect(batches[0]?.records[0]?.value?.equals(value)).toBe(true);
    }
  });
});
