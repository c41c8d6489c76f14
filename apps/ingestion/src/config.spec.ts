import { ConfigurationError } from '@talaria/config';
import { generateKey } from '@talaria/registry';
import { readConfig } from './config';

const always = { KAFKA_BROKERS: 'kafka:9092', SPOOL_DIR: '/spool' };
const secret = { WHATSAPP_APP_SECRET: 'hunter2' };
const token = { WHATSAPP_VERIFY_TOKEN: 'hunter2' };
const database = { DATABASE_URL: 'postgres://hunter2@postgres/talaria' };
const keys = { SECRETS_KEYS: generateKey() };

function faultsOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  try {
    readConfig({ ...always, ...env });
    return {};
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

describe("ingestion's environment", () => {
  it.each([
    ['one app', { ...secret, ...token }],
    ['one app, beside keys that are for others', { ...secret, ...token, ...keys }],
    ['the apps of a database', { ...database, ...keys }],
    ['both', { ...secret, ...token, ...database, ...keys }],
  ])('may name %s', (_, env) => {
    expect(faultsOf(env)).toEqual({});
  });

  const orDatabase = expect.stringMatching(/^is missing: .*or DATABASE_URL/);
  it.each<[string, NodeJS.ProcessEnv, Record<string, unknown>]>([
    ['neither', {}, { WHATSAPP_APP_SECRET: orDatabase, WHATSAPP_VERIFY_TOKEN: orDatabase }],
    ['keys alone', keys, { WHATSAPP_APP_SECRET: orDatabase, WHATSAPP_VERIFY_TOKEN: orDatabase }],
    ['a secret alone', secret, { WHATSAPP_VERIFY_TOKEN: expect.stringContaining('WHATSAPP_APP_SECRET') }],
    [
      'a verify token beside a database',
      { ...token, ...database, ...keys },
      { WHATSAPP_APP_SECRET: expect.stringContaining('WHATSAPP_VERIFY_TOKEN') },
    ],
    [
      'a database without keys',
      { ...secret, ...token, ...database },
      { SECRETS_KEYS: expect.stringContaining('SECRETS_KEYS_FILE, or leave out DATABASE_URL') },
    ],
    [
      'a secret and a database alone',
      { ...secret, ...database },
      {
        WHATSAPP_VERIFY_TOKEN: expect.stringContaining('is missing'),
        SECRETS_KEYS: expect.stringContaining('is missing'),
      },
    ],
    [
      'keys that cannot be read, whose fault is told and no other',
      { ...database, SECRETS_KEYS_FILE: '/nowhere' },
      { SECRETS_KEYS: expect.stringContaining('ENOENT') },
    ],
  ])('is refused with %s, by the names of what is missing and never with a value', (_, env, faults) => {
    expect(faultsOf(env)).toEqual(faults);
    expect(JSON.stringify(faultsOf(env))).not.toContain('hunter2');
  });
});
