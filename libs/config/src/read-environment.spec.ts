import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addresses,
  ConfigurationError,
  duration,
  durations,
  integer,
  list,
  moment,
  postgresUrl,
  readEnvironment,
  text,
} from '.';

const specs = {
  KAFKA_BROKERS: addresses({ desc: 'the brokers, as host:port' }),
  HTTP_PORT: integer(1, 65_535)({ default: 3000, desc: 'where to listen' }),
  SECRETS: list(2)({ desc: 'one or two secrets' }),
};

function faultsOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  try {
    readEnvironment(specs, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  throw new Error('the environment was accepted');
}

describe('the environment', () => {
  it('becomes one frozen object with defaults filled in', () => {
    const config = readEnvironment(specs, { KAFKA_BROKERS: 'a:9092, b:9093', SECRETS: 'one,two' });
    expect(config).toEqual({ KAFKA_BROKERS: ['a:9092', 'b:9093'], HTTP_PORT: 3000, SECRETS: ['one', 'two'] });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('names every wrong variable at once, with what it should be', () => {
    expect(faultsOf({ KAFKA_BROKERS: 'nowhere', HTTP_PORT: '70000' })).toEqual({
      KAFKA_BROKERS: expect.stringContaining('host:port'),
      HTTP_PORT: 'must be a whole number from 1 to 65535',
      SECRETS: 'is missing: one or two secrets',
    });
  });

  it('never repeats a value in a fault, since it may be a secret', () => {
    const faults = faultsOf({
      KAFKA_BROKERS: 'hunter2',
      HTTP_PORT: 'hunter2',
      SECRETS: 'hunter2,hunter2,hunter2',
    });
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it('takes an empty variable as not set', () => {
    expect(faultsOf({ KAFKA_BROKERS: '', SECRETS: 'x' })).toEqual({
      KAFKA_BROKERS: expect.stringContaining('is missing'),
    });
  });

  it('reads a value from the file that X_FILE names, and refuses both at once', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'talaria-config-')), 'secret');
    writeFileSync(file, 'from-a-file\n');
    expect(readEnvironment({ TOKEN: text({ desc: 'a token' }) }, { TOKEN_FILE: file })).toEqual({
      TOKEN: 'from-a-file',
    });
    expect(() =>
      readEnvironment({ TOKEN: text({ desc: 'a token' }) }, { TOKEN_FILE: file, TOKEN: 'x' }),
    ).toThrow('set twice');
    expect(() => readEnvironment({ TOKEN: text({ desc: 'a token' }) }, { TOKEN_FILE: '/nowhere' })).toThrow(
      'ENOENT',
    );
  });

  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
  ])('reads the duration %s', (input, expected) => {
    expect(readEnvironment({ D: duration()({ desc: '' }) }, { D: input })).toEqual({ D: expected });
  });

  it('reads a moment, in whatever zone it names', () => {
    const read = (input: string) => readEnvironment({ M: moment({ desc: '' }) }, { M: input }).M;
    expect(read('2027-01-31T08:00:00Z')).toBe(Date.UTC(2027, 0, 31, 8));
    expect(read('2027-01-31T10:00:00.500+02:00')).toBe(Date.UTC(2027, 0, 31, 8) + 500);
    for (const wrong of ['2027-01-31', '2027-01-31T08:00:00', '2027-13-31T08:00:00Z', 'now', '1800000000000'])
      expect(() => read(wrong)).toThrow('must be a moment with its zone');
  });

  it.each(['30', 's', '-1s', '1.5s', 'soon'])('refuses the duration %s', (input) => {
    expect(() => readEnvironment({ D: duration()({ desc: '' }) }, { D: input })).toThrow(
      'must be a duration',
    );
    expect(() => readEnvironment({ D: durations({ desc: '' }) }, { D: `1s ${input}` })).toThrow(
      'must be durations',
    );
  });

  it('refuses what is not a Postgres URL', () => {
    expect(() => readEnvironment({ U: postgresUrl({ desc: '' }) }, { U: 'mysql://x/y' })).toThrow(
      'postgres://',
    );
  });

  it.each([
    ['sslmode=prefer', 'must have one sslmode: disable, require, verify-ca, verify-full'],
    ['sslmode=verify-full&sslmode=disable', 'must have one sslmode'],
    ['sslmode=', 'must have one sslmode'],
    ['sslmode=verify-full&ssl=0', 'must not have parameters of TLS beside sslmode'],
    ['sslrootcert=/ca.pem', 'must not have parameters of TLS beside sslmode'],
    ['uselibpqcompat=true', 'must not have parameters of TLS beside sslmode'],
  ])('refuses what of TLS is not plain in a Postgres URL: %s', (parameters, fault) => {
    const url = `postgres://x@y/z?${parameters}`;
    expect(() => readEnvironment({ U: postgresUrl({ desc: '' }) }, { U: url })).toThrow(fault);
  });
});
