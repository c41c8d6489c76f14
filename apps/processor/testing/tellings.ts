import { headers, topics } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import fc from 'fast-check';
import {
  aBatch,
  aDispatch,
  aMessage,
  aRecord,
  aStatus,
  aTextMessage,
  aWebhook,
  PHONE,
  SECONDS,
  USER_ID,
} from './records';

const message = (fields: object, more = {}) =>
  aWebhook({ value: { messages: [aTextMessage({ ...fields })] }, ...more });
const status = (fields: object, more = {}) =>
  aWebhook({ value: { statuses: [aStatus({ ...fields })] }, ...more });
const accepted = (data: object, time?: string) =>
  aDispatch({
    state: 'accepted',
    ...(time !== undefined && { time }),
    data: { to: `+${PHONE}`, message: { type: 'text', text: { body: 'sent' } }, ...data },
  });
const arrivedAt = (time: string, record: KafkaRecord) => ({
  ...record,
  headers: { [headers.receivedAt]: time },
});

const DAY_S = 86_400;

/** Facts that meet in the same rows in every way that we could think of. */
export const facts: readonly KafkaRecord[] = [
  // One message, told in several forms and by several accounts.
  message({ id: 'in', text: 'a' }),
  message({ id: 'in', text: 'b' }),
  message({ id: 'in', text: 'a' }, { wabaId: '77' }),
  message({ id: 'in', text: 'c', from: undefined, from_user_id: USER_ID }),
  message({ id: 'in', text: 'a' }, { phoneNumberId: '99' }),
  status({ id: 'in', status: 'deleted' }),
  // Sent by hand and by us under one id, each of them earlier than the other.
  aWebhook({
    field: 'smb_message_echoes',
    value: { message_echoes: [aTextMessage({ id: 'out', to: '1' })] },
  }),
  aWebhook({
    field: 'smb_message_echoes',
    value: { message_echoes: [aMessage('image', { id: 'out', to: '1' })] },
  }),
  accepted({ commandId: 'a', wamid: 'out', waId: '2', version: 2 }),
  accepted({ commandId: 'b', wamid: 'out', version: 1 }, '2020-01-01T00:00:00Z'),
  accepted(
    { commandId: 'b', wamid: 'out', version: 2, to: undefined, recipient: USER_ID },
    '2019-01-01T00:00:00Z',
  ),
  accepted({ commandId: 'c', wamid: 'bare', message: undefined, version: 1 }),
  // Statuses in every order, twice at different times, of several participants, with and without their command.
  ...['sent', 'delivered', 'read', 'played', 'failed', 'warning'].flatMap((name, index) => [
    status({ status: name, id: 'out', timestamp: String(SECONDS + index) }),
    status({ status: name, id: 'out', timestamp: String(SECONDS - index), recipient_id: '3' }),
  ]),
  status({ id: 'out', biz_opaque_callback_data: 'talaria/a/1' }),
  status({ id: 'out', biz_opaque_callback_data: 'talaria/z/2' }, { wabaId: '77' }),
  status({ id: 'out', biz_opaque_callback_data: 'talaria/z/2' }),
  status({ id: 'alone', recipient_user_id: USER_ID }, { wabaId: '77' }),
  status({ id: 'alone', status: 'read', recipient_id: undefined }),
  status({ id: 'group', recipient_type: 'group', recipient_participant_id: '1' }),
  status({ id: 'group', recipient_type: 'group', recipient_participant_id: '2', timestamp: '1700000000' }),
  arrivedAt('2026-01-01T00:00:00Z', status({ id: 'late', timestamp: 'never' })),
  arrivedAt('2026-01-02T00:00:00Z', status({ id: 'late', timestamp: 'never' })),
  // Commands: every version of one, in which fields come and go.
  aDispatch({
    state: 'retrying',
    data: { commandId: 'a', version: 1, error: { class: 'transient', code: 2, message: '' } },
  }),
  aDispatch({ state: 'unknown', data: { commandId: 'd', version: 1, campaignId: 'x' } }),
  aDispatch({ state: 'dead-lettered', data: { commandId: 'd', version: 2, cause: 'ambiguous', attempt: 2 } }),
  aDispatch({ state: 'unknown', data: { commandId: 'd', version: 1, wabaId: '77' } }),
  aDispatch({
    state: 'failed',
    data: {
      commandId: 'f',
      version: 2,
      wamid: 'out',
      error: { class: 'recipient', code: 131026, message: '' },
    },
  }),
  aDispatch({ state: 'accepted', data: { commandId: 'f', version: 1, wamid: 'out' } }),
  // What messages do to others, in this month and the one before, to messages that come and that never come.
  ...['out', 'in', 'never', 'alone'].flatMap((target, index) => [
    message({ id: `react${index}`, type: 'reaction', reaction: { message_id: target, emoji: '👍' } }),
    message({
      id: `unreact${index}`,
      type: 'reaction',
      timestamp: String(SECONDS - 40 * DAY_S),
      reaction: { message_id: target },
    }),
    message({
      id: `edit${index}`,
      type: 'edit',
      edit: { original_message_id: target, message: aTextMessage() },
    }),
    message({
      id: `again${index}`,
      type: 'edit',
      timestamp: String(SECONDS - 30 * DAY_S),
      edit: { original_message_id: target, message: aTextMessage({ text: 'older' }) },
    }),
    message({ id: `revoke${index}`, type: 'revoke', revoke: { original_message_id: target } }),
  ]),
  status({ id: 'in', timestamp: String(SECONDS - 70 * DAY_S) }),
  // Who is who: a chain of identities in which any link may come first, and another account that knows nothing of it.
  ...(
    [
      ['1', 'US.1'],
      ['1', 'US.2'],
      ['2', 'US.2'],
      ['2', 'US.3'],
      ['0', 'US.3'],
      ['9', 'US.9'],
    ] as const
  ).flatMap(([from, user], index) => [
    message({ id: `who${index}`, from, from_user_id: user }),
    message({ id: `phone${index}`, from, timestamp: String(SECONDS + index) }),
    message({ id: `user${index}`, from: undefined, from_user_id: user }),
    message({ id: `other${index}`, from }, { wabaId: '77' }),
  ]),
  message({ id: 'moved', type: 'system', from: '9', system: { type: 'user_changed_number', wa_id: '1' } }),
  aWebhook({
    field: 'user_id_update',
    value: { user_id_update: [{ wa_id: '8', user_id: { previous: 'US.9', current: 'US.8' } }] },
  }),
  ...['Ann', 'Bob', 'Cy'].map((name, index) =>
    aWebhook({
      value: {
        contacts: [{ wa_id: '1', user_id: index === 2 ? 'US.1' : undefined, profile: { name } }],
        messages: [
          aTextMessage({ id: `named${index}`, from: '1', timestamp: String(SECONDS + (index % 2)) }),
        ],
      },
    }),
  ),
  // Accounts, numbers and templates: which told last.
  ...[0, 1, 1].flatMap((later, index) => [
    aWebhook({
      field: 'phone_number_quality_update',
      time: SECONDS + later,
      value: { display_phone_number: '16505550000', event: index === 2 ? 'ONBOARDING' : 'UPGRADE' },
    }),
    aWebhook({
      field: 'message_template_status_update',
      time: SECONDS + later,
      value: { message_template_id: 9_007_199_254_740_991, event: index === 2 ? 'PAUSED' : 'APPROVED' },
    }),
  ]),
  // One step told twice at two times, one of them in another month, and with another content.
  ...['2026-05-31T23:59:59Z', '2026-06-01T00:00:01Z', '2026-06-01T00:00:02Z'].map((time, index) =>
    aDispatch({
      state: index === 1 ? 'unknown' : 'retrying',
      time,
      data: { commandId: 'twice', version: 3, attempt: index },
    }),
  ),
  // The rest.
  aWebhook({ field: 'account_update', time: SECONDS, value: { event: 'DISABLED_UPDATE' } }),
  aWebhook({ field: 'account_update', time: SECONDS + 1, value: { event: 'DISABLED_UPDATE' } }),
  ...['1', '2'].map((phoneNumberId) =>
    aWebhook({
      field: 'user_preferences',
      phoneNumberId,
      value: { user_preferences: [{ wa_id: PHONE, value: 'stop' }] },
    }),
  ),
  message({ id: undefined }),
  aRecord({ value: Buffer.from('{"what":"ever"}') }),
];

export type Telling = { readonly records: readonly KafkaRecord[]; readonly sizes: readonly number[] };

/** All of `some` in any order, any of it more than once, in batches of any size. */
export const aTelling = (some: readonly KafkaRecord[]): fc.Arbitrary<Telling> =>
  fc.record({
    records: fc.subarray([...some]).chain((repeats) => {
      const all = [...some, ...repeats];
      return fc.shuffledSubarray(all, { minLength: all.length });
    }),
    sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  });

export const twoTellings = fc
  .subarray([...facts], { minLength: 1 })
  .chain((some) => fc.tuple(aTelling(some), aTelling(some)));

/** Batches as the consumer hands them out, with offsets that go on from one to the next. */
export function batchesOf({ records, sizes }: Telling, partition: number) {
  const next: Record<string, number> = { [topics.webhooks.name]: 0, [topics.dispatches.name]: 0 };
  const batches = [];
  for (let from = 0, turn = 0; from < records.length; turn++) {
    const some = records.slice(from, (from += sizes[turn % sizes.length] ?? 1));
    for (const topic of Object.keys(next)) {
      const own = some.filter((record) => record.topic === topic);
      const firstOffset = next[topic] ?? 0;
      next[topic] = firstOffset + own.length;
      if (own.length > 0) batches.push(aBatch(own, { topic, partition, firstOffset }));
    }
  }
  return batches;
}
