import { correctCommand, mergePatch } from './correct-command';

describe('a merge patch', () => {
  // The examples of RFC 7396, appendix A.
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
    ['{}', '{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
  ])('%s with %s is %s', (target, patch, expected) => {
    expect(JSON.stringify(mergePatch(JSON.parse(target), JSON.parse(patch)))).toBe(expected);
  });
});

describe('a correction', () => {
  const command = { id: 'a', wabaId: '900', phoneNumberId: '100', to: '+15550001111' };
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  const message = { type: 'text', text: { body: 'hi' } };

  it('changes what it names and nothing else', () => {
    const corrected = correctCommand(bytes({ ...command, message }), { to: '+15550002222' });
    expect(corrected.ok && JSON.parse(String(corrected.value))).toEqual({
      ...{ ...command, message },
      to: '+15550002222',
    });
  });

  it('can mend what was no command', () => {
    expect(correctCommand(bytes({ ...command, message, tenant: 1 }), { tenant: null }).ok).toBe(true);
  });

  it.each([
    ['a phone that is none', { to: '555' }, 'to must match'],
    ['a field that commands do not have', { tenant: 'x' }, 'has a field it does not know'],
    ['no message', { message: null }, 'lacks message'],
  ])('that makes %s is refused, and says so without contents', (_what, patch, problem) => {
    const corrected = correctCommand(bytes({ ...command, message }), patch);
    expect(corrected).toMatchObject({ ok: false });
    expect(corrected.ok ? '' : corrected.problems.join()).toContain(problem);
    expect(JSON.stringify(corrected)).not.toContain('555');
  });

  it.each([[Buffer.from('{')], [null]])('of what is not JSON is refused', (value) => {
    expect(correctCommand(value, { to: '+15550002222' }).ok).toBe(false);
  });
});
