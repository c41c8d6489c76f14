import fc from 'fast-check';
import {
  checkInbound,
  type InboundEvidence,
  type InboundFindings,
  inboundKinds,
  type Offer,
  type SeenEvent,
} from './check';
import { type InboundItem, type InboundMessage, type InboundStatus, keyOf } from './items';
import { linkKey, modelOf, type Row, type Table } from './model';
import { type InboundBody, type InboundPlan, makeInboundPlan } from './plan';
import { writeBody } from './write-body';

const A = 'http://a/webhooks';
const B = 'http://b/webhooks';
const taken: Offer = {
  ...{ firstAt: 1, acknowledgedAt: 2, acknowledgedBy: A, tried: [A], answers: { 200: 1 } },
  ...{ failures: 0, slowestMs: 5 },
};
const givenUp: Offer = {
  ...taken,
  acknowledgedAt: undefined,
  acknowledgedBy: undefined,
  answers: { 503: 3 },
};
const unposted: Offer = { ...givenUp, firstAt: undefined, tried: [], answers: {} };

const NONE = Object.fromEntries(inboundKinds.map((kind) => [kind, []])) as unknown as InboundFindings;
const isoOf = (seconds: number) => new Date(seconds * 1000).toISOString();

/** What a platform that keeps every promise has of these items. */
function seenOf(items: readonly InboundItem[]) {
  const unique = (keys: (item: InboundItem) => string | undefined) => {
    const firsts = new Map<string, InboundItem>();
    for (const item of items) if (!firsts.has(keys(item) ?? '')) firsts.set(keys(item) ?? '', item);
    firsts.delete('');
    return [...firsts.values()];
  };
  const toldOnce = unique(factOf);
  const linked = unique(({ wabaId, phone, userId }) =>
    phone === null || userId === null ? undefined : linkKey(wabaId, [phone, userId]),
  );
  return {
    records: items.map((item) => ({
      key: item.phone ?? item.userId ?? item.wabaId,
      value: writeBody([{ item, isAlone: false }]).body,
    })),
    events: [...toldOnce.map(eventOf), ...linked.map(identityEventOf)],
    tables: modelOf(items).tables,
  };
}

/** A status that is told again later is the same fact. */
function factOf(item: InboundItem): string {
  return item.kind === 'status' ? `${item.phoneNumberId}/${item.wamid}/${item.status}` : keyOf(item);
}

function eventOf(item: InboundItem): SeenEvent {
  const { wabaId, phone, userId, at, kind } = item;
  const person = { ...(phone !== null && { phone }), ...(userId !== null && { userId }) };
  const common = { key: phone ?? userId ?? wabaId, id: factOf(item), time: isoOf(at) };
  switch (kind) {
    case 'message': {
      const { phoneNumberId, wamid, name, type } = item;
      const data = { wabaId, phoneNumberId, wamid, from: { ...person, name }, timestamp: isoOf(at), type };
      const value = `${JSON.stringify(data).slice(0, -1)},"message":${item.json}}`;
      return { ...common, type: 'whatsapp.message.received.v1', value };
    }
    case 'status': {
      const { phoneNumberId, wamid, status, error } = item;
      const data = { wabaId, phoneNumberId, wamid, status, timestamp: isoOf(at), recipient: person };
      const value = JSON.stringify({ ...data, ...(error && { error }) });
      return { ...common, type: 'whatsapp.message.status.v1', value };
    }
    case 'change': {
      const { phoneNumberId, field } = item;
      const who = phone === null && userId === null ? {} : { contact: person };
      const data = { wabaId, field, ...(phoneNumberId !== null && { phoneNumberId }), ...who };
      const value = `${JSON.stringify(data).slice(0, -1)},"value":${item.value}}`;
      return { ...common, type: 'whatsapp.account.changed.v1', value };
    }
  }
}

function identityEventOf({ wabaId, phone, userId }: InboundItem): SeenEvent {
  const value = JSON.stringify({ wabaId, contact: phone, identities: [phone, userId] });
  const id = linkKey(wabaId, [phone ?? '', userId ?? '']);
  return { key: phone ?? '', id, type: 'whatsapp.contact.identity-changed.v1', time: isoOf(0), value };
}

function evidenceOf(plan: InboundPlan, fields: Partial<InboundEvidence> = {}): InboundEvidence {
  const deadLetters = plan
    .filter(({ items }) => items.length === 0)
    .map(({ body }) => ({ body, cause: 'decode' }));
  return {
    ...{ plan, history: plan.map(() => taken), held: [], foreign: new Set<string>() },
    ...seenOf(plan.flatMap(({ items }) => items)),
    deadLetters: deadLetters.map(({ body: value, cause }) => ({ cause, value })),
    ...fields,
  };
}

const where = { wabaId: '760001', phoneNumberId: '76000101' };
const who = { person: 3, phone: '447701000003', userId: 'GB.1' };

function aMessage(wamid: string, at: number, fields: Partial<InboundMessage> = {}): InboundMessage {
  const [type, text] = ['text', `text of ${wamid}`];
  const one = { ...where, ...who, ...fields };
  const written = { from: one.phone, id: wamid, timestamp: String(at), type, text: { body: text } };
  return {
    ...{ kind: 'message', wamid, at, type, text, name: 'Ann', context: null, media: null, effect: undefined },
    ...{ json: JSON.stringify(written), ...one },
  };
}

function aStatus(wamid: string, status: InboundStatus['status'], at: number): InboundStatus {
  const written = { id: wamid, status, timestamp: String(at), recipient_id: who.phone };
  return {
    ...{ kind: 'status', ...where, ...who, wamid, status, at, error: null, pricing: null },
    json: JSON.stringify(written),
  };
}

const bodyOf = (...items: InboundItem[]): InboundBody => ({
  ...{ at: 0, sender: 0 },
  ...writeBody(items.map((item) => ({ item, isAlone: false }))),
});
const cutOff: InboundBody = { at: 0, sender: 0, body: '{"entry":[', items: [] };

const [a, b, c] = [aMessage('wamid.a', 1001), aMessage('wamid.b', 1002), aMessage('wamid.c', 1003)];
const status = aStatus('wamid.s', 'read', 1004);
const plan = [bodyOf(a), bodyOf(b, status), bodyOf(c), cutOff];
const whole = evidenceOf(plan);
const without = <T>(list: readonly T[], index: number) => list.filter((_, at) => at !== index);
const kindsOf = (findings: InboundFindings) => inboundKinds.filter((kind) => findings[kind].length > 0);

/** The evidence with one row of a table other than it was. */
function withRows(table: Table, change: (rows: readonly Row[]) => readonly Row[]): InboundEvidence {
  return { ...whole, tables: { ...whole.tables, [table]: change(whole.tables[table]) } };
}

describe('the checker of inbound webhooks', () => {
  it('finds nothing where everything acknowledged is in the log, the rows and the events', () => {
    expect(checkInbound(whole)).toEqual(NONE);
  });

  it('finds what was acknowledged and is not in the log, nor its rows and its events', () => {
    const seen = seenOf([a, c, status]);
    const findings = checkInbound({ ...whole, ...seen });
    expect(findings).toMatchObject({ ...NONE, lost: expect.any(Array), untold: ['76000101/wamid.b'] });
    expect(findings.lost).toEqual(['76000101/wamid.b: no record', 'messages 76000101/wamid.b: no row']);
  });

  it('lets what was not acknowledged be there or not, but whole', () => {
    const history = [taken, givenUp, taken, taken];
    for (const items of [
      [a, c],
      [a, b, c],
      [a, c, status],
      [a, b, status, c],
    ])
      expect(checkInbound({ ...whole, ...seenOf(items), history })).toEqual(NONE);
    const logged = { ...whole, ...seenOf([a, c]), history, records: whole.records };
    expect(kindsOf(checkInbound(logged))).toEqual(['lost', 'untold']);
    const projected = { ...whole, history, records: seenOf([a, c]).records };
    expect(kindsOf(checkInbound(projected))).toEqual(['invented']);
  });

  it('finds what nobody offered', () => {
    const history = [taken, taken, unposted, taken];
    expect(checkInbound({ ...whole, history }).invented).toEqual([
      'a record of 76000101/wamid.c',
      'messages 76000101/wamid.c',
      'whatsapp.message.received.v1 76000101/wamid.c',
    ]);
    const junk = { key: 'k', value: 'no JSON' };
    expect(checkInbound({ ...whole, records: [...whole.records, junk] }).invented).toHaveLength(1);
  });

  it('leaves out what is told of messages that the platform sent, and of accounts of others', () => {
    const foreign = aStatus('wamid.ours', 'sent', 1001);
    const strange = aMessage('wamid.x', 1001, { wabaId: '730001' });
    const seen = seenOf([a, b, status, c, foreign]);
    const records = [...seen.records, ...seenOf([strange]).records];
    const events = [...seen.events, ...seenOf([strange]).events];
    // What a conversation of theirs was last sent, they told too.
    const tables = { ...seen.tables, conversations: whole.tables.conversations };
    const evidence = { ...whole, ...seen, records, events, tables };
    expect(checkInbound({ ...evidence, foreign: new Set(['wamid.ours']) })).toEqual(NONE);
    expect(kindsOf(checkInbound(evidence))).toEqual(['invented']);
  });

  it.each<[string, InboundEvidence]>([
    ['messages 76000101/wamid.a: 2 rows', withRows('messages', ([one, ...rows]) => [one!, one!, ...rows])],
    [
      '76000101/wamid.a: under two event ids',
      { ...whole, events: [...whole.events, { ...whole.events[0]!, id: 'another' }] },
    ],
    [
      '76000101/wamid.b: one event id with two contents',
      {
        ...whole,
        events: [
          ...whole.events,
          { ...whole.events[1]!, value: whole.events[1]!.value.replace('"type":"text"', '"type":"image"') },
        ],
      },
    ],
  ])('finds what is there twice: %s', (finding, evidence) => {
    expect(checkInbound(evidence).projectedTwice).toEqual([finding]);
  });

  it('lets an event be told again', () => {
    expect(checkInbound({ ...whole, events: [...whole.events, ...whole.events] })).toEqual(NONE);
  });

  it('finds rows, records and events that do not say what Meta said, without showing it', () => {
    const [first, ...records] = whole.records;
    const [told, ...events] = whole.events;
    const other = (value: string) => value.replace('text of', 'text  of');
    const rows = withRows('messages', ([one, ...rest]) => [{ ...one, text: 'other', at: 7 }, ...rest]);
    expect(checkInbound(rows).differing).toEqual(['messages 76000101/wamid.a: text, at']);
    expect(
      checkInbound({ ...whole, records: [{ ...first!, value: other(first!.value) }, ...records] }).differing,
    ).toEqual(['76000101/wamid.a: its record has other bytes']);
    expect(checkInbound({ ...whole, records: [{ ...first!, key: '1' }, ...records] }).differing).toEqual([
      '76000101/wamid.a: its record has another key',
    ]);
    expect(
      checkInbound({ ...whole, events: [{ ...told!, value: other(told!.value) }, ...events] }).differing,
    ).toEqual(['76000101/wamid.a: its event']);
    const later = told!.value.replace('1970-01-01T00:16:41', '1970-01-01T00:16:42');
    expect(checkInbound({ ...whole, events: [{ ...told!, value: later }, ...events] }).differing).toEqual([
      '76000101/wamid.a: its event',
    ]);
  });

  it('names people by their numbers', () => {
    const renamed = withRows('contact_identities', (rows) => rows.map((row) => ({ ...row, name: 'Bob' })));
    expect(checkInbound(renamed).differing).toEqual([
      'contact_identities 760001/phone of person 3: name',
      'contact_identities 760001/user id of person 3: name',
    ]);
    const strange = withRows('contact_identities', ([row, ...rows]) => [
      { ...row, identity: '1555' },
      ...rows,
    ]);
    expect(checkInbound(strange).invented).toEqual([expect.stringMatching(/760001\/#[0-9a-f]{12}$/)]);
  });

  it('finds facts that were not told', () => {
    for (const [index] of whole.events.entries())
      expect(kindsOf(checkInbound({ ...whole, events: without(whole.events, index) }))).toEqual(['untold']);
    expect(checkInbound({ ...whole, events: [] }).untold).toContain('760001/identities of person 3');
  });

  describe('of order', () => {
    const late = (list: 'records' | 'events', history = whole.history) => {
      const [first, second, ...rest] = whole[list];
      return checkInbound({ ...whole, history, [list]: [second, first, ...rest] });
    };

    it.each(['records', 'events'] as const)('finds a message behind a later one in the %s', (list) => {
      const topic = list === 'records' ? 'whatsapp.webhooks' : 'whatsapp.events';
      expect(late(list)).toEqual({ ...NONE, reordered: [`wamid.a: behind wamid.b in ${topic}`] });
    });

    it.each<[string, Offer]>([
      ['two receivers were asked', { ...taken, tried: [A, B] }],
      ['another receiver took one of them', { ...taken, acknowledgedBy: B, tried: [B] }],
      ['nobody took one of them', givenUp],
    ])('finds nothing where %s', (_, offer) => {
      expect(late('events', [taken, offer, taken, taken])).toEqual(NONE);
      expect(late('events', [offer, taken, taken, taken])).toEqual(NONE);
    });

    it('takes the first of several tellings, and only those under one key', () => {
      const { records, events } = whole;
      expect(checkInbound({ ...whole, records: [...records, records[0]!] })).toEqual(NONE);
      expect(checkInbound({ ...whole, events: [...events, events[0]!] })).toEqual(NONE);
      const before = [events[1]!, { ...events[0]!, key: who.userId }, ...events.slice(2)];
      expect(checkInbound({ ...whole, events: before })).toEqual(NONE);
    });
  });

  it('finds answers that Meta should never get', () => {
    const history = [{ ...taken, answers: { 401: 2, 503: 1, 200: 1 } }, taken, taken, taken];
    expect(checkInbound({ ...whole, history })).toEqual({ ...NONE, refused: ['body 0: 2 × 401'] });
  });

  it('finds that a body was waited for in vain, unless its way was hurt', () => {
    const T = 1_800_000_000_000;
    const late = { ...taken, firstAt: T, acknowledgedAt: T + 5000, answers: { 408: 1, 200: 1 } };
    const refused = (from: number, until: number) =>
      checkInbound({ ...whole, history: [late, taken, taken, taken], held: [{ from, until }] }).refused;
    expect(refused(T + 5001, T + 6000)).toEqual(['body 0: 1 × 408']);
    expect(refused(T - 2, T - 1)).toEqual(['body 0: 1 × 408']);
    expect([refused(T - 1, T), refused(T + 5000, T + 6000)]).toEqual([[], []]);
  });

  it('expects exactly what is no JSON among the dead letters', () => {
    expect(checkInbound({ ...whole, deadLetters: [] })).toEqual({
      ...NONE,
      lost: ['body 3: no dead letter'],
    });
    const history = [taken, taken, taken, givenUp];
    expect(checkInbound({ ...whole, history, deadLetters: [] })).toEqual(NONE);
    expect(checkInbound({ ...whole, history })).toEqual(NONE);
    const [letter] = whole.deadLetters;
    expect(checkInbound({ ...whole, deadLetters: [letter!, letter!] })).toEqual(NONE);
    const more = [letter!, { cause: 'data', value: whole.records[0]!.value }];
    expect(checkInbound({ ...whole, deadLetters: more }).undeserved).toEqual(['76000101/wamid.a: data']);
    const otherwise = [letter!, { cause: 'data', value: cutOff.body }];
    expect(checkInbound({ ...whole, deadLetters: otherwise }).undeserved).toHaveLength(1);
    const strange = [letter!, { cause: 'decode', value: 'what is this' }];
    expect(checkInbound({ ...whole, deadLetters: strange }).undeserved).toHaveLength(1);
  });
});

describe('the model of inbound webhooks', () => {
  const messagesOf = (...items: InboundItem[]) => modelOf(items).tables.messages;

  it('lets the highest status win, and no failure hide what arrived', () => {
    const ladder = [aStatus('wamid.s', 'failed', 9), aStatus('wamid.s', 'sent', 7)];
    expect(messagesOf(...ladder)).toMatchObject([
      { status: 'failed', sentAt: 7, failedAt: 9, deliveredAt: null },
    ]);
    const arrived = [aStatus('wamid.s', 'delivered', 8), ...ladder, aStatus('wamid.s', 'delivered', 6)];
    expect(messagesOf(...arrived)).toMatchObject([
      { status: 'delivered', deliveredAt: 6, direction: 'outbound' },
    ]);
  });

  it('keeps the last edit, the first revocation, and the month of the first telling', () => {
    const [january, february] = [Date.UTC(2025, 0, 31, 23) / 1000, Date.UTC(2025, 1, 1) / 1000];
    const edit = (wamid: string, at: number) =>
      aMessage(wamid, at, { effect: { kind: 'edit', target: 'wamid.a', text: wamid } });
    const told = [
      edit('wamid.late', february),
      aMessage('wamid.a', january),
      edit('wamid.early', january + 1),
    ];
    const row = { wamid: 'wamid.a', month: '2025-01-01', editedText: 'wamid.late', editedAt: february };
    expect(messagesOf(...told)).toContainEqual(expect.objectContaining(row));
    expect(messagesOf(edit('wamid.late', february))).toContainEqual(
      expect.objectContaining({ wamid: 'wamid.a', type: null, direction: 'inbound', month: '2025-02-01' }),
    );
  });

  it('joins the identities of a person once they are told together, with the last name of each', () => {
    const items = [
      aMessage('wamid.1', 1, { userId: null, name: 'by phone' }),
      aMessage('wamid.2', 3, { phone: null, name: 'by user id' }),
      aMessage('wamid.3', 2, { name: 'by both' }),
    ];
    const { contact_identities: rows, conversations } = modelOf(items).tables;
    expect(rows).toEqual([
      {
        wabaId: '760001',
        identity: who.phone,
        contact: who.phone,
        name: 'by both',
        contactName: 'by user id',
      },
      {
        wabaId: '760001',
        identity: who.userId,
        contact: who.phone,
        name: 'by user id',
        contactName: 'by user id',
      },
    ]);
    expect(conversations).toMatchObject([{ identity: who.phone, lastInAt: 3, lastOutAt: null }]);
    expect(modelOf(items.slice(0, 2)).tables.conversations).toHaveLength(2);
  });

  it('is the same in any order and for any repeats', () => {
    const items = makeInboundPlan({ seed: 5, seconds: 2 }).flatMap((body) => body.items);
    const sorted = (some: readonly InboundItem[]) =>
      Object.values(modelOf(some).tables).map((rows) => rows.map((row) => JSON.stringify(row)).sort());
    const anyOrder = fc.shuffledSubarray([...items, ...items], { minLength: items.length * 2 });
    fc.assert(
      fc.property(anyOrder, (some) => expect(sorted(some)).toEqual(sorted(items))),
      { numRuns: 10 },
    );
  });
});

describe('the checker, shown a run of any seed', () => {
  const other = (value: Row[string] | undefined) => {
    if (typeof value === 'number') return value + 1;
    return typeof value === 'boolean' ? !value : `${value ?? ''}x`;
  };
  const tables = (evidence: InboundEvidence, n: number, change: (rows: Row[], at: number) => Row[]) => {
    const filled = (Object.keys(evidence.tables) as Table[]).filter((one) => evidence.tables[one].length > 0);
    const table = filled[n % filled.length]!;
    const rows = [...evidence.tables[table]];
    return { ...evidence, tables: { ...evidence.tables, [table]: change(rows, n % rows.length) } };
  };
  const events = (evidence: InboundEvidence, change: (event: SeenEvent) => SeenEvent[], n: number) => {
    const at = n % evidence.events.length;
    return {
      ...evidence,
      events: evidence.events.flatMap((one, index) => (index === at ? change(one) : [one])),
    };
  };
  const spoilt: Readonly<Record<string, (evidence: InboundEvidence, n: number) => InboundEvidence>> = {
    'a row is missing': (evidence, n) => tables(evidence, n, without),
    'a row is there twice': (evidence, n) => tables(evidence, n, (rows, at) => [...rows, rows[at]!]),
    'a column is another': (evidence, n) =>
      tables(evidence, n, (rows, at) => {
        const column = Object.keys(rows[at]!)[n % Object.keys(rows[at]!).length]!;
        return rows.map((row, index) => (index === at ? { ...row, [column]: other(row[column]) } : row));
      }),
    'an item is in no record': (evidence, n) => {
      const { value } = evidence.records[n % evidence.records.length]!;
      return { ...evidence, records: evidence.records.filter((record) => record.value !== value) };
    },
    'a record has another byte': (evidence, n) => {
      const record = evidence.records[n % evidence.records.length]!;
      const value = record.value.replace(/"(id|timestamp|time|depth)":/, '"$1x":');
      return { ...evidence, records: [...evidence.records, { ...record, value }] };
    },
    'an event is missing': (evidence, n) => events(evidence, () => [], n),
    'an event comes under two ids': (evidence, n) =>
      events(evidence, (event) => [event, { ...event, id: `${event.id}x` }], n),
    'an event tells something else': (evidence, n) =>
      events(
        evidence,
        (event) => {
          const data = JSON.parse(event.value) as Record<string, unknown>;
          // Whose identities they are is left open.
          const names = Object.keys(data).filter((name) => !(name === 'contact' && 'identities' in data));
          const name = names[n % names.length]!;
          const { [name]: told, ...rest } = data;
          const spoiltValue = typeof told === 'string' ? { ...rest, [name]: `${told}x` } : rest;
          return [{ ...event, value: JSON.stringify(spoiltValue) }];
        },
        n,
      ),
  };
  const runs = [1, 2, 3, 4, 5, 6].map((seed) => evidenceOf(makeInboundPlan({ seed, seconds: 1 })));

  it('finds nothing in what the model itself has made', () => {
    for (const evidence of runs) expect(checkInbound(evidence)).toEqual(NONE);
  });

  it.each(Object.entries(spoilt))('finds that %s', (_, spoil) => {
    fc.assert(
      fc.property(fc.constantFrom(...runs), fc.nat(), (evidence, n) => {
        expect(kindsOf(checkInbound(spoil(evidence, n)))).not.toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
});
