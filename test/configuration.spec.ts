import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../tools/stack/repository';

function start(app: string, env: NodeJS.ProcessEnv) {
  const script = join(repositoryRoot(), `dist/apps/${app}/src/main.js`);
  const { status, stderr } = spawnSync(process.execPath, [script], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stderr };
}

describe('a wrong environment', () => {
  it.each([
    ['ingestion', ['KAFKA_BROKERS', 'WHATSAPP_APP_SECRET', 'WHATSAPP_VERIFY_TOKEN', 'SPOOL_DIR']],
    ['processor', ['KAFKA_BROKERS', 'DATABASE_URL']],
    ['dispatcher', ['KAFKA_BROKERS', 'DATABASE_URL', 'SECRETS_KEYS']],
    ['simulator', ['WHATSAPP_APP_SECRET']],
  ])('keeps %s from starting, and every missing variable is named at once', (app, variables) => {
    const { status, stderr } = start(app, {});
    expect(status).toBe(1);
    for (const variable of variables) expect(stderr).toContain(`${variable} is missing`);
  });

  it('is told with what each variable should be, and never with what it was', () => {
    const { status, stderr } = start('dispatcher', {
      KAFKA_BROKERS: 'hunter2',
      DATABASE_URL: 'hunter2',
      SECRETS_KEYS: 'hunter2',
      GRAPH_API_TIMEOUT: 'hunter2',
      DISPATCH_RATE_PERCENT: '101',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('KAFKA_BROKERS must be comma-separated host:port pairs');
    expect(stderr).toContain('DATABASE_URL must be a URL like postgres://');
    expect(stderr).toContain('SECRETS_KEYS entry 1 is not <key id>:<base64 of 32 bytes>');
    expect(stderr).toContain('GRAPH_API_TIMEOUT must be a duration like');
    expect(stderr).toContain('DISPATCH_RATE_PERCENT must be a whole number from 1 to 100');
    expect(stderr).not.toContain('hunter2');
  });
});
