import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { parseSendMessage } from './parse-send-message';
import { SendMessage } from './send-message';

const minimal = {
  id: 'order-42',
  wabaId: '1000',
  phoneNumberId: '2000',
  to: '+15550001111',
  message: { type: 'text', text: { body: 'hi' } },
};
const parse = (command: unknown) => parseSendMessage(Buffer.from(JSON.stringify(command)));

function acceptedByClass(command: object): boolean {
  const instance = plainToInstance(SendMessage, command, { enableImplicitConversion: false });
  return validateSync(instance, { whitelist: true, forbidNonWhitelisted: true }).length === 0;
}

describe('the published schema of SendMessage', () => {
  it('accepts and refuses exactly what the class does', () => {
    const field = <T>(right: fc.Arbitrary<T>) =>
      fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue() });
    const id = field(fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/));
    const digits = field(fc.stringMatching(/^[0-9]{1,32}$/));
    const commands = fc.record(
      {
        id,
        wabaId: digits,
        phoneNumberId: digits,
        to: field(fc.stringMatching(/^\+[1-9][0-9]{4,14}$/)),
        recipient: field(fc.stringMatching(/^[A-Z]{2}\.[A-Za-z0-9]{1,20}$/)),
        message: field(
          fc.record({ type: fc.constantFrom('text', 'image', 'Text', ''), text: fc.jsonValue() }),
        ),
        priority: field(fc.constantFrom('reply', 'notification', 'campaign')),
        expiresAt: field(fc.constant('2030-01-01T00:00:00Z')),
        metadata: field(fc.dictionary(fc.string(), fc.string(), { maxKeys: 20 })),
        surprise: fc.constant(1),
      },
      { requiredKeys: ['id', 'wabaId', 'phoneNumberId', 'message'] },
    );
    fc.assert(
      fc.property(commands, (command) => {
        // class-validator takes null for "not there"; the schema, which decides, does not.
        fc.pre(!Object.values(command).includes(null));
        const json = JSON.parse(JSON.stringify(command)) as object;
        expect(parse(json).ok).toBe(acceptedByClass(json));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a record on whatsapp.outbound', () => {
  it('is a command when it has the fields that matter', () => {
    expect(parse(minimal)).toEqual({ ok: true, command: minimal });
    const { to: _, ...byUserId } = minimal;
    expect(parse({ ...byUserId, recipient: 'US.13491208655302741918' }).ok).toBe(true);
  });

  it.each([
    ['no value', null, 'decode'],
    ['not JSON', Buffer.from('{"id":'), 'decode'],
    ['not an object', Buffer.from('[]'), 'invalid'],
    ['empty', Buffer.from('{}'), 'invalid'],
  ])('is refused when it is %s', (_, value, cause) => {
    expect(parseSendMessage(value)).toMatchObject({ ok: false, cause });
  });

  it.each([
    ['neither phone nor user id', { to: undefined }, 'lacks to'],
    ['a phone without +', { to: '15550001111' }, 'to must match'],
    ['an unknown field', { surprise: true }, 'does not know'],
    ['a priority that does not exist', { priority: 'urgent' }, 'priority must be'],
    ['an expiry that is no time', { expiresAt: 'tomorrow' }, 'expiresAt must match'],
    ['an expiry on the 45th', { expiresAt: '2030-13-45T00:00:00Z' }, 'expiresAt is not a time'],
    ['a message without a type', { message: {} }, 'message lacks type'],
    ['an id with a slash', { id: 'a/b' }, 'id must match'],
    ['null where text is due', { campaignId: null }, 'campaignId'],
  ])('is refused with %s, and the problem names the field', (_, change, expected) => {
    expect(parse({ ...minimal, ...change })).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.stringContaining(expected)]),
    });
  });

  it('is refused when it is deeper than whoever works through it could follow', () => {
    const nested = (levels: number) => {
      const value = JSON.stringify(minimal).replace('"hi"', `${'['.repeat(levels)}${']'.repeat(levels)}`);
      return parseSendMessage(Buffer.from(value));
    };
    expect(nested(90).ok).toBe(true);
    expect(nested(100_000)).toMatchObject({
      cause: 'invalid',
      problems: ['the command has more than 100 levels'],
    });
  });

  it.each([
    ['numbers that are short in another notation', Buffer.from('1e20,'.repeat(60_000).slice(0, -1))],
    [
      'bytes that are no text',
      Buffer.concat([Buffer.from('"'), Buffer.alloc(200_000, 0xff), Buffer.from('"')]),
    ],
  ])('is refused when it would be too large for an event that repeats it: %s', (_, content) => {
    const [head, tail] = JSON.stringify(minimal).split('"hi"') as [string, string];
    const value = Buffer.concat([Buffer.from(`${head}[`), content, Buffer.from(`]${tail}`)]);
    expect(parseSendMessage(value)).toEqual({
      ok: false,
      cause: 'invalid',
      problems: ['the command is longer than 524288 bytes when it is written again'],
    });
  });

  it('never repeats contents in a problem', () => {
    const result = parse({ ...minimal, to: '4915112345678', surprise_4915112345678: 1 });
    expect(JSON.stringify(result)).not.toContain('4915112345678');
  });
});
