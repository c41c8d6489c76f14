import { type KafkaRecord } from '@talaria/kafka';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { keepingProducer } from '../../testing/processor';
import { emptyReadModel } from '../../testing/read-model';
import {
  aBatch,
  aDispatch,
  aMessage,
  aStatus,
  aTextMessage,
  aWebhook,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
} from '../../testing/records';

let database: TestDatabase;
let offset: number;
beforeAll(async () => (database = await testDatabase(1)));
beforeEach(async () => {
  await emptyReadModel(database.dataSource);
  offset = 0;
});
afterAll(() => database.close());

/** One batch after the other, as they are given. */
async function told(...batches: readonly (readonly KafkaRecord[])[]) {
  const producer = keepingProducer();
  const consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  for (const records of batches) {
    await consumers.webhooks(aBatch(records, { firstOffset: offset }));
    offset += records.length;
  }
  return producer.sent.map(({ key, headers }) => ({ key, type: headers?.ce_type }));
}

const rows = (text: string) => database.dataSource.query<Record<string, unknown>[]>(text);
const message = (fields: object, more: object = {}) =>
  aWebhook({ value: { messages: [aTextMessage({ ...fields })], ...more } });
const status = (fields: object) => aWebhook({ value: { statuses: [aStatus({ ...fields })] } });
const at = (seconds: number) => new Date((SECONDS + seconds) * 1000);
const timestamp = (seconds: number) => String(SECONDS + seconds);
const orders = [
  ['before', true],
  ['after', false],
] as const;
const inOrder = (first: boolean, one: KafkaRecord, other: KafkaRecord) =>
  told(...(first ? [[one], [other]] : [[other], [one]]));

describe('a message', () => {
  const original = message({ id: 'wamid.a', text: 'helo' });

  it.each(orders)('whose edit comes %s it shows what it said and what it says', async (_, isFirst) => {
    const edited = aMessage('edit', {
      id: 'wamid.edit',
      timestamp: timestamp(4),
      edit: { original_message_id: 'wamid.a', message: { type: 'text', text: { body: 'hello' } } },
    });
    await inOrder(isFirst, aWebhook({ value: { messages: [edited] } }), original);
    expect(
      await rows(`SELECT text, edited_text, edited_at, direction FROM messages WHERE wamid = 'wamid.a'`),
    ).toEqual([{ text: 'helo', edited_text: 'hello', edited_at: at(4), direction: 'inbound' }]);
  });

  it.each(orders)('whose revocation comes %s it is revoked, and what it said is kept', async (_, isFirst) => {
    const revoked = aMessage('revoke', {
      timestamp: timestamp(4),
      revoke: { original_message_id: 'wamid.a' },
    });
    await inOrder(isFirst, aWebhook({ value: { messages: [revoked] } }), original);
    expect(await rows(`SELECT text, revoked_at FROM messages WHERE wamid = 'wamid.a'`)).toEqual([
      { text: 'helo', revoked_at: at(4) },
    ]);
  });

  it('that is edited but was never seen is a row of its own, without a form', async () => {
    await told([
      aWebhook({ value: { messages: [aMessage('edit', { edit: { original_message_id: 'wamid.never' } })] } }),
    ]);
    expect(
      await rows(`SELECT type, item, edited_at, contact_phone FROM messages WHERE wamid = 'wamid.never'`),
    ).toEqual([{ type: null, item: null, edited_at: at(0), contact_phone: PHONE }]);
  });

  it.each(orders)(
    'carries the last reaction of each sender, though an older one comes %s',
    async (_, isFirst) => {
      const reaction = (id: string, seconds: number, emoji?: string) =>
        aWebhook({
          value: {
            messages: [
              aMessage('reaction', {
                id,
                timestamp: timestamp(seconds),
                reaction: { message_id: 'wamid.a', emoji },
              }),
            ],
          },
        });
      await inOrder(isFirst, reaction('wamid.1', 1, '👍'), reaction('wamid.2', 2, '❤️'));
      expect(await rows('SELECT sender, emoji FROM reactions')).toEqual([{ sender: PHONE, emoji: '❤️' }]);
      await told([reaction('wamid.3', 3)]);
      expect(await rows('SELECT sender, emoji FROM reactions')).toEqual([{ sender: PHONE, emoji: null }]);
    },
  );

  it('carries one reaction of a person who is known by two identities', async () => {
    const reaction = (fields: object) =>
      aWebhook({ value: { messages: [aMessage('reaction', { from_user_id: USER_ID, ...fields })] } });
    await told([
      reaction({ id: 'wamid.1', timestamp: timestamp(1), reaction: { message_id: 'wamid.a', emoji: '👍' } }),
      reaction({
        id: 'wamid.2',
        timestamp: timestamp(2),
        from: undefined,
        reaction: { message_id: 'wamid.a' },
      }),
    ]);
    expect(await rows('SELECT contact, emoji FROM contact_reactions')).toEqual([
      { contact: PHONE, emoji: null },
    ]);
  });

  it('keeps where its media is', async () => {
    const image = { id: 'media-1', mime_type: 'image/jpeg', sha256: 'abc=', caption: 'my cat' };
    await told([aWebhook({ value: { messages: [aMessage('image', { image })] } })]);
    expect(await rows('SELECT text, media_id, media_mime_type, media_sha256 FROM messages')).toEqual([
      { text: 'my cat', media_id: 'media-1', media_mime_type: 'image/jpeg', media_sha256: 'abc=' },
    ]);
  });

  it('lies in the month of the earliest that was told of it, with all its statuses', async () => {
    const accepted = aDispatch({
      state: 'accepted',
      time: '2025-05-31T23:59:59Z',
      data: { wamid: 'wamid.out', to: `+${PHONE}`, message: { type: 'text', text: { body: 'x' } } },
    });
    const june = String(Date.UTC(2025, 5, 1) / 1000);
    await told([status({ timestamp: june }), status({ timestamp: june, status: 'read' })]);
    expect(await rows('SELECT month::text FROM messages')).toEqual([{ month: '2025-06-01' }]);
    const consumers = new Consumers({
      dataSource: database.dataSource,
      producer: keepingProducer(),
      logger: testLogger,
    });
    await consumers.dispatches(aBatch([accepted], { topic: 'whatsapp.dispatches' }));
    for (const table of ['message_ids', 'messages', 'message_statuses']) {
      expect(await rows(`SELECT DISTINCT month::text FROM ${table}`)).toEqual([{ month: '2025-05-01' }]);
    }
    expect(await rows('SELECT status, type FROM messages')).toEqual([{ status: 'read', type: 'text' }]);
  });
});

describe('a status', () => {
  it('keeps what Meta charged', async () => {
    const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'marketing' };
    await told([status({ pricing })]);
    expect(
      await rows(
        'SELECT pricing_billable, pricing_model, pricing_type, pricing_category FROM message_statuses',
      ),
    ).toEqual([
      {
        pricing_billable: true,
        pricing_model: 'PMP',
        pricing_type: 'regular',
        pricing_category: 'marketing',
      },
    ]);
  });

  it("for somebody else's message is kept, and joined when a message of that id comes", async () => {
    await told([status({ id: 'wamid.theirs', status: 'delivered' })]);
    expect(await rows('SELECT status, item FROM messages')).toEqual([{ status: 'delivered', item: null }]);
  });
});

describe('a contact', () => {
  const byPhone = message({ id: 'wamid.p', timestamp: timestamp(1) });
  const byUserId = message({
    id: 'wamid.u',
    from: undefined,
    from_user_id: USER_ID,
    timestamp: timestamp(2),
  });
  const byBoth = message({ id: 'wamid.b', from_user_id: USER_ID, timestamp: timestamp(3) });

  it('seen by phone, by user id and then by both is one, with one conversation and all its messages', async () => {
    const events = await told([byPhone], [byUserId], [byBoth]);
    expect(await rows('SELECT contact, identities FROM contacts')).toEqual([
      { contact: PHONE, identities: [PHONE, USER_ID] },
    ]);
    expect(await rows('SELECT phone_number_id, contact, last_in_at FROM conversations')).toEqual([
      { phone_number_id: NUMBER, contact: PHONE, last_in_at: at(3) },
    ]);
    expect(
      await rows(
        `SELECT wamid FROM contact_identities i JOIN messages m ON m.contact_identity = i.identity AND m.waba_id = i.waba_id
         WHERE i.contact = '${PHONE}' ORDER BY shown_at`,
      ),
    ).toEqual([{ wamid: 'wamid.p' }, { wamid: 'wamid.u' }, { wamid: 'wamid.b' }]);
    // Before anybody knew, the user id was a contact of its own.
    expect(events.map(({ key, type }) => [key, type?.split('.')[2]])).toEqual([
      [PHONE, 'received'],
      [USER_ID, 'received'],
      [PHONE, 'received'],
      [PHONE, 'identity-changed'],
    ]);
  });

  it('of which Meta says that the user id has changed is the same one', async () => {
    const update = { wa_id: PHONE, user_id: { previous: USER_ID, current: 'US.2' }, timestamp: timestamp(5) };
    await told([byUserId], [aWebhook({ field: 'user_id_update', value: { user_id_update: [update] } })]);
    expect(await rows('SELECT contact, identities FROM contacts')).toEqual([
      { contact: PHONE, identities: [PHONE, 'US.2', USER_ID].sort() },
    ]);
    expect(await rows('SELECT contact FROM conversations')).toEqual([{ contact: PHONE }]);
  });

  it.each(['user_changed_number', 'customer_changed_number'])(
    'that tells a new phone (%s) is the same one',
    async (type) => {
      const system = aMessage('system', { system: { body: 'x', type, wa_id: '4915100000001' } });
      await told([byPhone], [aWebhook({ value: { messages: [system] } })]);
      expect(await rows('SELECT identities FROM contacts')).toEqual([
        { identities: [PHONE, '4915100000001'] },
      ]);
    },
  );

  it('is not what a command says that it is: only the phone it is sent to counts', async () => {
    const consumers = new Consumers({
      dataSource: database.dataSource,
      producer: keepingProducer(),
      logger: testLogger,
    });
    const both = { wamid: 'wamid.out', to: `+${PHONE}`, recipient: 'US.somebody-else' };
    await consumers.dispatches(
      aBatch([aDispatch({ state: 'accepted', data: both })], { topic: 'whatsapp.dispatches' }),
    );
    expect(await rows('SELECT identities FROM contacts')).toEqual([{ identities: [PHONE] }]);
  });

  it('of one account is not that of another, though the phone is the same', async () => {
    const elsewhere = aWebhook({ wabaId: '77', value: { messages: [aTextMessage({ id: 'x' })] } });
    await told([byBoth, elsewhere]);
    expect(await rows('SELECT waba_id, identities FROM contacts ORDER BY waba_id')).toEqual([
      { waba_id: WABA, identities: [PHONE, USER_ID] },
      { waba_id: '77', identities: [PHONE] },
    ]);
  });

  it('has the name that was told last, whichever came last', async () => {
    const named = (name: string, seconds: number) =>
      message(
        { id: `wamid.${name}`, timestamp: timestamp(seconds) },
        { contacts: [{ wa_id: PHONE, profile: { name } }] },
      );
    await told([named('Ann', 1)], [named('Anna', 3)], [named('Annie', 2)]);
    expect(await rows('SELECT name FROM contacts')).toEqual([{ name: 'Anna' }]);
  });

  it('has the last of the names with which it was first seen, for each of its identities', async () => {
    const named = (contact: object, name: string, seconds: number) =>
      message(
        { id: `wamid.${name}`, timestamp: timestamp(seconds), from_user_id: USER_ID },
        { contacts: [{ ...contact, profile: { name } }] },
      );
    const both = { wa_id: PHONE, user_id: USER_ID };
    await told([named(both, 'Ann', 1), named(both, 'Anna', 3), named(both, 'Annie', 2)]);
    const identities = 'SELECT identity, name, named_at FROM contact_identities ORDER BY identity';
    const anna = { name: 'Anna', named_at: at(3) };
    expect(await rows(identities)).toEqual([PHONE, USER_ID].map((identity) => ({ identity, ...anna })));

    await told([named({ wa_id: PHONE }, 'Anne', 2)], [named(both, 'Bo', 4)]);
    expect(await rows('SELECT DISTINCT name, named_at FROM contact_identities')).toEqual([
      { name: 'Bo', named_at: at(4) },
    ]);
  });
});

describe('a conversation', () => {
  it('knows who spoke last and until when Meta lets us answer freely', async () => {
    await told([message({ timestamp: timestamp(0) }), status({ timestamp: timestamp(4) })]);
    expect(
      await rows('SELECT last_in_at, last_out_at, last_at, service_window_until FROM conversations'),
    ).toEqual([{ last_in_at: at(0), last_out_at: at(4), last_at: at(4), service_window_until: at(86_400) }]);
  });

  it('is not opened by what Meta tells in the form of a message', async () => {
    const system = aMessage('system', { system: { type: 'user_changed_number', wa_id: '1', body: 'x' } });
    await told([aWebhook({ value: { messages: [system] } })]);
    expect(await rows('SELECT * FROM conversations')).toEqual([]);
  });

  it('of a group is none: groups open no window with a person', async () => {
    await told([message({ group_id: 'group-1' })]);
    expect(await rows('SELECT * FROM conversations')).toEqual([]);
    expect(await rows('SELECT group_id FROM messages')).toEqual([{ group_id: 'group-1' }]);
  });
});

describe('accounts, numbers and templates', () => {
  const change = (field: string, value: object, seconds = 0) =>
    aWebhook({ field, time: SECONDS + seconds, value: { ...value } });

  it('show what was told last', async () => {
    const quality = (event: string, seconds: number) =>
      change('phone_number_quality_update', { display_phone_number: '16505550000', event }, seconds);
    await told(
      [message({}), quality('THROUGHPUT_UPGRADE', 5), quality('ONBOARDING', 1)],
      [
        change('phone_number_name_update', {
          display_phone_number: '+1 650 555 0000',
          decision: 'APPROVED',
          requested_verified_name: 'Talaria',
        }),
      ],
      [change('account_update', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } })],
      [
        change('account_update', {
          event: 'ACCOUNT_RESTRICTION',
          restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING' }],
        }),
      ],
      [change('account_review_update', { decision: 'APPROVED' })],
    );
    expect(
      await rows(
        'SELECT phone_number_id, display_phone_number, quality_event, name_decision, verified_name FROM numbers',
      ),
    ).toEqual([
      {
        phone_number_id: NUMBER,
        display_phone_number: '16505550000',
        quality_event: 'THROUGHPUT_UPGRADE',
        name_decision: 'APPROVED',
        verified_name: 'Talaria',
      },
    ]);
    expect(await rows('SELECT waba_id, review_decision, ban_state, restrictions FROM accounts')).toEqual([
      {
        waba_id: WABA,
        review_decision: 'APPROVED',
        ban_state: 'DISABLE',
        restrictions: 'RESTRICTED_BIZ_INITIATED_MESSAGING',
      },
    ]);
  });

  it('of a template: status, quality and category, each from its own field', async () => {
    const template = {
      message_template_id: 12,
      message_template_name: 'sale',
      message_template_language: 'en',
    };
    await told([
      change('message_template_status_update', { ...template, event: 'PAUSED', reason: 'LOW_QUALITY' }),
      change('message_template_quality_update', { ...template, new_quality_score: 'RED' }),
      change('template_category_update', { ...template, new_category: 'MARKETING' }),
    ]);
    expect(
      await rows('SELECT template_id, name, language, status, reason, quality, category FROM templates'),
    ).toEqual([
      {
        ...{ template_id: '12', name: 'sale', language: 'en' },
        ...{ status: 'PAUSED', reason: 'LOW_QUALITY', quality: 'RED', category: 'MARKETING' },
      },
    ]);
  });
});

it('each step of a command is kept, and found from its message', async () => {
  const consumers = new Consumers({
    dataSource: database.dataSource,
    producer: keepingProducer(),
    logger: testLogger,
  });
  const begun = '2026-06-01T10:00:00.250Z';
  const error = { class: 'transient', code: 131_000, message: 'try again', fbtraceId: 'trace' };
  const steps = [
    aDispatch({ state: 'retrying', data: { version: 1, error, startedAt: 'no time', traceId: 'a\0b' } }),
    aDispatch({
      state: 'accepted',
      data: {
        ...{ version: 2, attempt: 2, wamid: 'wamid.out', to: `+${PHONE}` },
        startedAt: begun,
        traceId: 't2',
      },
    }),
  ];
  await consumers.dispatches(aBatch(steps, { topic: 'whatsapp.dispatches' }));
  expect(
    await rows(
      `SELECT a.state, a.attempt, a.error_code, a.fbtrace_id, a.started_at, a.trace_id FROM messages m
       JOIN dispatch_attempts a USING (command_id, waba_id) WHERE m.wamid = 'wamid.out' ORDER BY a.version`,
    ),
  ).toEqual([
    {
      state: 'retrying',
      attempt: 1,
      error_code: 131_000,
      fbtrace_id: 'trace',
      started_at: null,
      trace_id: 'a\ufffdb',
    },
    {
      state: 'accepted',
      attempt: 2,
      error_code: null,
      fbtrace_id: null,
      started_at: new Date(begun),
      trace_id: 't2',
    },
  ]);
});
