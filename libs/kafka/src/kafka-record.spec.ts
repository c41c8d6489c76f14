import { type KafkaMessage } from 'kafkajs';
import { readRecord } from './kafka-record';

describe('a record as it was read', () => {
  it('has its headers as text, of repeated ones the last, and none without a value', () => {
    // Any publisher on librdkafka can send a header without a value: it must not stop a consumer.
    const headers = {
      one: Buffer.from('1'),
      two: [Buffer.from('a'), Buffer.from('é')],
      empty: null,
      gone: ['a', null],
    };
    const message = {
      offset: '7',
      timestamp: '5',
      key: null,
      value: null,
      headers,
    } as unknown as KafkaMessage;
    expect(readRecord('topic', 2, message)).toEqual({
      topic: 'topic',
      partition: 2,
      offset: 7,
      timestamp: 5,
      key: null,
      value: null,
      headers: { one: '1', two: 'é' },
    });
  });
});
