import { type KafkaRecord } from '@talaria/kafka';
import { readFailedStatus } from './failed-status';

const data = {
  ...{ wabaId: '900', phoneNumberId: '100', wamid: 'wamid.1', status: 'failed', timestamp: null },
  ...{ recipient: {}, commandId: 'c', attempt: 2, error: { code: 131016, title: 'why' } },
};

function aRecord(value: unknown, type = 'whatsapp.message.status.v1'): KafkaRecord {
  return {
    ...{ topic: 'whatsapp.events', partition: 0, offset: 0, timestamp: 0, key: null },
    headers: { ce_type: type },
    value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  };
}

describe('a record of whatsapp.events', () => {
  it('that tells of a failed message of ours is read', () => {
    expect(readFailedStatus(aRecord(data))).toEqual({
      ...{ wabaId: '900', phoneNumberId: '100', commandId: 'c', attempt: 2, wamid: 'wamid.1' },
      ...{ code: 131016, title: 'why' },
    });
  });

  it.each<[string, KafkaRecord]>([
    ['of another type', aRecord(data, 'whatsapp.message.received.v1')],
    ['of another status', aRecord({ ...data, status: 'delivered' })],
    [
      'of another status, with such a field within',
      aRecord({ ...data, status: 'sent', error: { status: 'failed' } }),
    ],
    ['of a message of somebody else', aRecord({ ...data, commandId: undefined })],
    ['without a value', aRecord(null)],
    [
      'which speaks of a failed status only in a text',
      aRecord({ ...data, status: 'sent', error: { title: '"status":"failed"' } }),
    ],
    ['that is not parsed, because it cannot be one', aRecord('{')],
  ])('%s is none', (_, record) => {
    expect(readFailedStatus(record)).toBeUndefined();
  });
});
