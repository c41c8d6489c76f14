import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, readEnvironment } from '@talaria/config';
import { eventually } from '../../../test/kit';
import { createKeyProvider, generateKey, open, parseKeys, type Place, seal, secretsSettings } from '.';

const place: Place = { table: 'wabas', id: '1000', column: 'access_token' };
const [first, second] = [generateKey('a'), generateKey('b')];
const base64Of = (key: string) => key.split(':')[1]!;

function faultOf(env: NodeJS.ProcessEnv): string {
  try {
    readEnvironment(secretsSettings, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
  }
  return 'no fault';
}

describe('the keys of an environment', () => {
  it.each([
    ['between commas', `${first}, ${second}`],
    ['one a line, with comments', `# of January\n${first}\n\n${second}\n`],
  ])('%s: all are read, the first is the one that seals', (_, text) => {
    expect(parseKeys(text).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it.each([
    ['', 'SECRETS_KEYS is missing: the keys that seal'],
    ['a:c2hvcnQ=', 'SECRETS_KEYS entry 1 is not <key id>:<base64 of 32 bytes>'],
    [base64Of(first), 'SECRETS_KEYS entry 1 is not'],
    [`${first},c:${'x'.repeat(50)}`, 'SECRETS_KEYS entry 2 is not'],
    [`${first}\n${second}\na:${base64Of(second)}`, 'SECRETS_KEYS line 3 has the key id of another'],
    ['# nothing but this', 'SECRETS_KEYS holds no key'],
  ])('%#: a fault names variable and line, what to do, and never the value', (value, fault) => {
    const message = faultOf({ SECRETS_KEYS: value });
    expect(message).toContain(fault);
    expect(message).toContain('`talaria keys generate` makes one');
    for (const secret of [base64Of(first), base64Of(second), 'c2hvcnQ=', 'x'.repeat(50)])
      expect(message).not.toContain(secret);
  });

  it('are given once: as themselves, or as a file that is there', () => {
    expect(faultOf({ SECRETS_KEYS: first, SECRETS_KEYS_FILE: '/nowhere' })).toContain('is set twice');
    expect(faultOf({ SECRETS_KEYS_FILE: '/nowhere' })).toContain(
      'cannot be read from the file that SECRETS_KEYS_FILE names (ENOENT)',
    );
  });
});

describe('a file of keys', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keys-'));
    file = join(directory, 'keys');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is read again when it has changed; a wrong one leaves the keys as they were, and its fault is told', async () => {
    writeFileSync(file, `${first}\n`);
    const faults: string[] = [];
    const keys = createKeyProvider(readEnvironment(secretsSettings, { SECRETS_KEYS_FILE: file }), (fault) =>
      faults.push(fault),
    );
    const sealed = await seal(keys, place, 'the token');
    writeFileSync(file, `${second}\n${first}\n`);
    await eventually(async () => expect(await keys.currentKeyId()).toBe('b'));
    expect(await open(keys, place, sealed)).toBe('the token');
    writeFileSync(file, `${second}\n${base64Of(first)}\n`);
    await eventually(async () => {
      await keys.currentKeyId();
      expect(faults).toEqual([expect.stringContaining('line 2 is not')]);
    });
    expect(faults.join()).not.toContain(base64Of(first));
    expect(await open(keys, place, sealed)).toBe('the token');
    rmSync(file);
    await eventually(async () => {
      await keys.currentKeyId();
      expect(faults.at(-1)).toBe('cannot be read (ENOENT)');
    });
    expect(await keys.currentKeyId()).toBe('b');
    writeFileSync(file, `${first}\n`);
    await eventually(async () => expect(await keys.currentKeyId()).toBe('a'));
    expect(faults).toHaveLength(2);
  });
});
