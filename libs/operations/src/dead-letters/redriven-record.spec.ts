import { headers, topics } from '@talaria/contracts';
import { redrivenRecord } from './redriven-record';
import { type WaitingLetter } from './redrives';

const command = {
  ...{ id: 'a', wabaId: '900', phoneNumberId: '100', to: '+15550001111' },
  message: { type: 'text', text: { body: 'hi' } },
};
const aLetter = (fields: Partial<WaitingLetter> = {}): WaitingLetter => ({
  ...{ id: 17, topic: topics.outboundDlq.name, partition: 3, offset: 5, timestamp: 7, originTopic: null },
  ...{ key: Buffer.from('k'), value: Buffer.from(JSON.stringify(command, null, 1)), headers: {} },
  ...fields,
});
const record = (letter: WaitingLetter, correction: Record<string, unknown> | null = null) =>
  redrivenRecord(letter, { id: 4, correction }, (wabaId) => Number(wabaId) - 890);

describe('a letter that is sent again', () => {
  it('has its key and bytes, lies where its WABA is owned, and says where it comes from', () => {
    const letter = aLetter();
    expect(record(letter)).toEqual({
      ...{ topic: topics.outbound.name, partition: 10, key: letter.key, value: letter.value },
      headers: { 'x-redrive': '4/17', 'x-redriven-from': `${topics.outboundDlq.name}/3/5` },
    });
  });

  it('keeps what its publisher wrote and where it was first read, and leaves behind what failed', () => {
    const of = (name: keyof typeof headers) => headers[name];
    const own = { traceparent: 't', tenant: 'x', [of('originalTopic')]: 'o', [of('originalOffset')]: '1' };
    const past = [
      ...(['attempts', 'dueAt', 'firstFailureAt', 'lastFailureAt', 'rekeyedTo', 'dlqCause'] as const),
      ...(['dlqAt', 'errorMessage', 'errorClass', 'metaCode', 'fbtraceId', 'redrive'] as const),
    ];
    const all = { ...own, ...Object.fromEntries(past.map((name) => [of(name), 'old'])) };
    expect(record(aLetter({ headers: all })).headers).toEqual({
      ...own,
      'x-redrive': '4/17',
      'x-redriven-from': `${topics.outboundDlq.name}/3/5`,
    });
  });

  it('that is no command goes where its key leads', () => {
    const value = Buffer.from('{');
    expect(record(aLetter({ value }))).toMatchObject({ topic: topics.outbound.name, value });
    expect(record(aLetter({ value }))).not.toHaveProperty('partition');
  });

  it('with a correction has other bytes', () => {
    const { value } = record(aLetter(), { to: '+15550002222' });
    expect(JSON.parse(String(value))).toEqual({ ...command, to: '+15550002222' });
  });

  it.each([
    [null, topics.webhooks.name],
    [topics.webhooks.name, topics.webhooks.name],
    [topics.dispatches.name, topics.dispatches.name],
    ['whatsapp.outbound', topics.webhooks.name],
  ])('of the webhooks that came from %s goes to %s', (originTopic, topic) => {
    expect(record(aLetter({ topic: topics.webhooksDlq.name, originTopic }))).toMatchObject({ topic });
  });
});
