import { check, type Findings } from './check';
import { type Evidence } from './evidence';

const NONE: Findings = {
  lost: [],
  doubled: [],
  reordered: [],
  undecided: [],
  exceeded: [],
  undeserved: [],
  differing: [],
};
const T = 1_800_000_000_000;

/** One command of a recipient, sent as it should be. */
function aCommand(id: string, fields: Partial<Evidence['published'][number]> = {}) {
  const phoneNumberId = '1';
  const published = {
    ...{ id, phoneNumberId, to: '+15550001111', value: `value of ${id}` },
    ...{ mayResend: false, expiresAt: undefined, partition: 3, at: T, ...fields },
  };
  const wamid = `wamid.${id}`;
  const fate = {
    id,
    state: 'accepted',
    version: 1,
    attempts: 1,
    wamid,
    cause: null,
    claimedAt: T,
    settledAt: T + 100,
  };
  const { claimedAt: _, settledAt: __, ...command } = fate;
  const accepted = { commandId: id, phoneNumberId, to: published.to, wamid, at: T };
  const message = { wamid, commandId: id, status: 'read' };
  return { published, accepted, fate, command, message };
}

type Command = ReturnType<typeof aCommand>;

/** Each message arrives as it leaves. */
const evidenceOf = (all: readonly Command[], fields: Partial<Evidence> = {}): Evidence => ({
  departures: fields.accepted ?? all.map(({ accepted }) => accepted),
  published: all.map(({ published }) => published),
  accepted: all.map(({ accepted }) => accepted),
  ledger: all.map(({ fate }) => fate),
  commands: all.map(({ command }) => command),
  messages: all.map(({ message }) => message),
  ...{ cutOff: new Set(), failed: new Set(), blocked: new Set(), retried: new Set() },
  ...{ deaths: [], toldAt: new Map(), overLimit: [] },
  ...{ lookedForMs: 30_000, deadLetters: [], parked: [], messagesPerSecond: new Map() },
  ...fields,
});

/** A run of one command that ended as a dead letter. */
function deadLettered(
  cause: string,
  fields: Partial<Evidence> = {},
  publishedFields: Partial<Evidence['published'][number]> = {},
): Evidence {
  const { published, fate, command } = aCommand('a', publishedFields);
  const end = { state: 'dead-lettered', wamid: null, cause };
  const settledAt = T + 30_000;
  return evidenceOf([], {
    published: [published],
    ledger: [{ ...fate, ...end, settledAt }],
    commands: [{ ...command, ...end }],
    deadLetters: [{ value: published.value, cause, at: T + 1000 }],
    ...fields,
  });
}

const [a, b, c] = ['a', 'b', 'c'].map((id) => aCommand(id)) as [Command, Command, Command];
const all = [a, b, c];
const without = <T>(list: readonly T[], index: number) => list.filter((_, at) => at !== index);

describe('the checker of commands', () => {
  it('finds nothing where every command became one message, in order', () => {
    expect(check(evidenceOf(all))).toEqual(NONE);
  });

  it('finds what is neither a message nor a dead letter, though the ledger calls it accepted', () => {
    const findings = check(evidenceOf(all, { accepted: [a.accepted, c.accepted] }));
    expect(findings.lost).toEqual(['b']);
    expect(findings.differing).toContain('b: accepted in the ledger, and not taken by Meta under this wamid');
  });

  it('takes a message that failed for good for the end of its command, if that was told of it', () => {
    const end = { state: 'failed', version: 2 };
    const evidence = evidenceOf([a, b, c], {
      ledger: [a.fate, { ...b.fate, ...end }, c.fate],
      commands: [a.command, { ...b.command, ...end }, c.command],
      messages: [a.message, { ...b.message, status: 'failed' }, c.message],
      failed: new Set([b.fate.wamid]),
    });
    expect(check(evidence)).toEqual(NONE);
    const { differing } = check({ ...evidence, failed: new Set() });
    expect(differing).toContain('b: failed in the ledger, and nobody told so of this wamid');
  });

  it('finds what became two messages', () => {
    const again = { ...b.accepted, wamid: 'wamid.again' };
    const message = { ...b.message, wamid: 'wamid.again' };
    const twice = {
      accepted: [...evidenceOf(all).accepted, again],
      messages: [...evidenceOf(all).messages, message],
    };
    expect(check(evidenceOf(all, twice)).doubled).toEqual(['b: 2 messages']);
    const willing = evidenceOf([a, aCommand('b', { mayResend: true }), c], twice);
    expect(check(willing).doubled).toEqual(['b: 2 messages']);
    const unknown = { ...willing, retried: new Set(['value of b']) };
    expect(check(unknown)).toEqual(NONE);
    expect(check({ ...evidenceOf(all, twice), retried: unknown.retried }).doubled).toHaveLength(1);
  });

  it('takes a message that failed, and was sent anew, for no second one', () => {
    const failed = { ...b.accepted, wamid: 'wamid.failed' };
    const evidence = evidenceOf(all, {
      accepted: [failed, ...evidenceOf(all).accepted],
      messages: [...evidenceOf(all).messages, { ...b.message, wamid: 'wamid.failed', status: 'failed' }],
      failed: new Set(['wamid.failed']),
    });
    expect(check(evidence)).toEqual(NONE);
    expect(check({ ...evidence, failed: new Set() }).doubled).toHaveLength(1);
  });

  it('finds what stands behind a later one of the same recipient', () => {
    const accepted = [b.accepted, a.accepted, c.accepted];
    expect(check(evidenceOf(all, { accepted })).reordered).toEqual(['a: behind b']);
    expect(check(evidenceOf(all, { accepted, retried: new Set(['value of a']) }))).toEqual(NONE);
    const aside = [aCommand('a', { partition: 4 }), b, c];
    expect(check(evidenceOf(aside, { accepted }))).toEqual(NONE);
    const bothAside = [aCommand('a', { partition: 4 }), aCommand('b', { partition: 4 }), c];
    expect(check(evidenceOf(bothAside, { accepted })).reordered).toEqual(['a: behind b']);
    const alsoElsewhere = (at: number) => {
      const published = [...all.map((one) => one.published), { ...b.published, partition: 4, at }];
      return check(evidenceOf(all, { accepted, published })).reordered;
    };
    expect(alsoElsewhere(b.accepted.at)).toEqual([]);
    expect(alsoElsewhere(b.accepted.at + 1)).toEqual(['a: behind b']);
    const other = { ...a.accepted, to: '+15550002222' };
    expect(check(evidenceOf(all, { accepted: [b.accepted, other, c.accepted] }))).toEqual(NONE);
  });

  it('orders by the first time that a command was published', () => {
    const published = [a, b, a, c].map((one) => one.published);
    expect(check(evidenceOf(all, { published }))).toEqual(NONE);
  });

  it('finds what has no fate', () => {
    const retrying = { ...b.fate, state: 'retrying' };
    const ledger = [a.fate, retrying];
    const findings = check(evidenceOf(all, { ledger, parked: ['c'] }));
    expect(findings.undecided).toEqual(['b: retrying', 'c: not in the ledger', 'c: parked']);
  });

  it.each([
    ['permanent', { blocked: new Set(['+15550001111']) }, {}],
    ['expired', {}, { expiresAt: T + 1000 }],
    ['ambiguous', { cutOff: new Set(['a']) }, {}],
    ['ambiguous', { deaths: [{ from: T + 1000, until: T + 3000 }] }, {}],
  ])('finds nothing where %s was deserved', (cause, fields, published) => {
    expect(check(deadLettered(cause, fields, published))).toEqual(NONE);
  });

  it.each([
    ['permanent', {}, {}],
    ['expired', {}, {}],
    ['expired', {}, { expiresAt: T + 1001 }],
    ['ambiguous', { cutOff: new Set(['b']) }, {}],
    ['ambiguous', { deaths: [{ from: T + 20_000, until: T + 30_000 }] }, {}],
    ['ambiguous', { deaths: [{ from: T - 5000, until: T - 1 }] }, {}],
    ['exhausted', {}, {}],
    ['invalid', {}, {}],
    ['conflict', {}, {}],
  ])('finds %s where it was not deserved: %j %j', (cause, fields, published) => {
    expect(check(deadLettered(cause, fields, published))).toEqual({ ...NONE, undeserved: [`a: ${cause}`] });
  });

  it('finds a dead letter of what was sent, and one that nobody published', () => {
    const letter = { value: 'value of b', cause: 'ambiguous', at: T };
    const cutOff = new Set(['b']);
    expect(check(evidenceOf(all, { cutOff, deadLetters: [letter] })).undeserved).toEqual(['b: ambiguous']);
    const stranger = { ...letter, value: 'what is this' };
    expect(check(evidenceOf(all, { deadLetters: [stranger] })).undeserved).toEqual([
      'ambiguous: nobody published it',
    ]);
  });

  it('lets a message be in doubt only where no status had come, and one was looked for long enough', () => {
    const { accepted, message } = a;
    const taken = { accepted: [accepted], messages: [message], cutOff: new Set(['a']) };
    const told = (at: number) => ({ ...taken, toldAt: new Map([['wamid.a', at]]) });
    expect(check(deadLettered('ambiguous', taken))).toEqual(NONE);
    expect(check(deadLettered('ambiguous', told(T + 20_000)))).toEqual(NONE);
    expect(check(deadLettered('ambiguous', told(T + 19_999))).undeserved).toEqual(['a: ambiguous']);
    expect(check(deadLettered('permanent', taken)).undeserved).toEqual(['a: permanent']);
    const late = (at: number) => ({ ...taken, accepted: [{ ...accepted, at }] });
    expect(check(deadLettered('ambiguous', late(T + 31_000)))).toEqual(NONE);
    expect(check(deadLettered('ambiguous', late(T + 31_001))).undeserved).toEqual(['a: ambiguous']);
    const { ledger, ...hasty } = deadLettered('ambiguous', { cutOff: new Set(['a']) });
    const early = ledger.map((row) => ({ ...row, settledAt: T + 29_999 }));
    expect(check({ ...hasty, ledger: early }).undeserved).toEqual(['a: ambiguous']);
  });

  it('finds what was sent again though a status had told of it, whatever its policy', () => {
    const again = { ...b.accepted, wamid: 'wamid.again', at: T + 60_000 };
    const evidence = evidenceOf([a, aCommand('b', { mayResend: true }), c], {
      accepted: [...evidenceOf(all).accepted, again],
      messages: [...evidenceOf(all).messages, { ...b.message, wamid: 'wamid.again' }],
      retried: new Set(['value of b']),
    });
    const told = (at: number) => ({ ...evidence, toldAt: new Map([['wamid.b', at]]) });
    expect(check(told(T + 50_000))).toEqual(NONE);
    expect(check(told(T + 49_999)).doubled).toEqual(['b: 2 messages']);
  });

  const made = (before: readonly number[], phoneNumberId = '1') =>
    before.map((ms) => ({ commandId: 'a', phoneNumberId, at: T - ms }));
  const exceeded = (departures: Evidence['departures'], fields: Partial<Evidence>) =>
    check(evidenceOf(all, { departures, ...fields })).exceeded;

  it('finds calls that were made beyond a limit, whether they arrived or not', () => {
    const messagesPerSecond = new Map([['1', 3]]);
    const found = ['1: 4 calls within a second at 2027-01-15T08:00:00.000Z'];
    expect(exceeded(made([999, 700, 0, 400]), { messagesPerSecond })).toEqual(found);
    expect(exceeded(made([1000, 700, 400, 0]), { messagesPerSecond })).toEqual([]);
    expect(exceeded([...made([700, 400, 0]), ...made([2, 3], '2')], { messagesPerSecond })).toEqual([]);
  });

  it('finds calls beyond a limit that was lowered when Meta refused one, and not what was late on its way', () => {
    const limit = { messagesPerSecond: 3 };
    const fields = {
      overLimit: [{ phoneNumberId: '1', at: T, code: 130429, ...limit }],
      messagesPerSecond: new Map([['1', 9]]),
    };
    const found = ['1: 130429 at 2027-01-15T08:00:00.000Z'];
    expect(exceeded(made([999, 700, 400, -50]), fields)).toEqual(found);
    expect(exceeded(made([1000, 700, 400, 1]), fields)).toEqual([]);
    expect(exceeded([...made([700, 400, 1]), ...made([2, 3], '2'), ...made([-51])], fields)).toEqual([]);
    expect(exceeded(undefined, fields)).toEqual(found);
    const ofPair = [{ phoneNumberId: '1', at: T, code: 131056, ...limit }];
    expect(exceeded([], { overLimit: ofPair })).toEqual(['1: 131056 at 2027-01-15T08:00:00.000Z']);
  });

  it('finds that it did not see a call', () => {
    const departures = all.slice(1).map(({ accepted }) => accepted);
    expect(check(evidenceOf(all, { departures })).differing).toEqual([
      'a: a message of a call that was not seen',
    ]);
    expect(check(evidenceOf(all, { departures: undefined }))).toEqual(NONE);
  });

  it('expects a dead letter of every other command with the same id, and none of the first', () => {
    const other = { ...a.published, value: 'something else' };
    const published = [a.published, other, b.published, c.published];
    expect(check(evidenceOf(all, { published })).lost).toEqual(['a: its conflict']);
    const letter = (value: string) => ({ value, cause: 'conflict', at: T });
    const conflict = letter('something else');
    expect(check(evidenceOf(all, { published, deadLetters: [conflict, conflict] }))).toEqual(NONE);
    const both = [conflict, letter('value of a')];
    expect(check(evidenceOf(all, { published, deadLetters: both })).undeserved).toEqual(['a: conflict']);
  });

  it.each<[string, Partial<Evidence>]>([
    ['b: not in the read model', { commands: [a.command, c.command] }],
    [
      'b: attempts is 1 in the ledger, 2 in the read model',
      { commands: [a.command, { ...b.command, attempts: 2 }, c.command] },
    ],
    [
      'b: wamid is wamid.b in the ledger, null in the read model',
      { commands: [a.command, { ...b.command, wamid: null }, c.command] },
    ],
    ['b: its message is not in the read model', { messages: [a.message, c.message] }],
    ['b: its message is sent', { messages: [a.message, { ...b.message, status: 'sent' }, c.message] }],
    [
      'x: a message in the read model that was never sent',
      { messages: [...evidenceOf(all).messages, { wamid: 'wamid.x', commandId: 'x', status: 'read' }] },
    ],
    ['x: in the ledger, never published', { ledger: [...evidenceOf(all).ledger, aCommand('x').fate] }],
    [
      'x: in the read model, never published',
      { commands: [...evidenceOf(all).commands, aCommand('x').command] },
    ],
  ])('finds lists that differ: %s', (finding, fields) => {
    expect(check(evidenceOf(all, fields)).differing).toContain(finding);
  });

  it('finds a fate without its dead letter', () => {
    const evidence = deadLettered('ambiguous', { cutOff: new Set(['a']) });
    const findings = check({ ...evidence, deadLetters: without(evidence.deadLetters, 0) });
    expect(findings.lost).toEqual(['a']);
    expect(findings.differing).toEqual(['a: ambiguous in the ledger, and no such dead letter']);
  });
});
