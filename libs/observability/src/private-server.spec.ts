import { networkInterfaces } from 'node:os';
import { register } from 'prom-client';
import { createHealth } from './health';
import { createLogLevels } from './log-levels';
import { createLogger } from './logger';
import { histogram } from './metrics';
import { servePrivately } from './private-server';

describe('the private port', () => {
  const lines: string[] = [];
  const logger = createLogger('test', 'warn', { write: (line: string) => lines.push(line) });
  const health = createHealth();
  let server: Awaited<ReturnType<typeof servePrivately>>;

  beforeAll(async () => {
    histogram('talaria_test_seconds', 'test', [0.1, 1], {}).observe(0.05);
    server = await servePrivately({ port: 0, health, levels: createLogLevels(logger) });
  });

  afterAll(async () => {
    await server.close();
    register.clear();
  });

  const call = (path: string, init?: RequestInit, host = '127.0.0.1') =>
    fetch(`http://${host}:${server.port}${path}`, init);
  const put = (body: string, host?: string) => call('/log-level', { method: 'PUT', body }, host);

  it('serves metrics, and nothing that it does not know', async () => {
    const answer = await call('/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toContain('talaria_test_seconds_bucket{le="0.1"} 1');
    expect((await call('/')).status).toBe(404);
    expect((await call('/health')).status).toBe(404);
    expect((await call('/health/well')).status).toBe(404);
    expect((await call('/metrics', { method: 'POST' })).status).toBe(404);
    expect((await call('/log-level', { method: 'DELETE' })).status).toBe(404);
  });

  it('answers each probe with 200 or 503, and why', async () => {
    const probe = async (name: string) => {
      const answer = await call(`/health/${name}`);
      return [answer.status, await answer.json()];
    };
    expect(await probe('startup')).toMatchObject([503, { error: { start: { message: 'has begun' } } }]);
    expect(await probe('live')).toMatchObject([200, { status: 'ok', details: {} }]);
    health.use({ live: { loop: () => 'hangs' }, ready: {} });
    expect(await probe('live')).toMatchObject([
      503,
      { status: 'error', error: { loop: { status: 'down', message: 'hangs' } } },
    ]);
    expect(await probe('ready')).toMatchObject([200, { status: 'ok', info: { process: { status: 'up' } } }]);
  });

  it('changes the log level, says so in the log, and takes nothing else', async () => {
    expect(await (await call('/log-level')).json()).toEqual({ level: 'warn' });
    logger.debug('not heard');
    const changed = (await (await put('{"level":"debug"}')).json()) as { until: string };
    expect(changed).toEqual({ level: 'debug', until: expect.any(String) });
    const minutes = (Date.parse(changed.until) - Date.now()) / 60_000;
    expect([minutes > 59, minutes <= 60]).toEqual([true, true]);
    logger.debug('heard');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'the log level was changed',
      'heard',
    ]);
    for (const body of ['{"level":"loud"}', 'debug', '', 'null']) {
      const answer = await put(body);
      expect([answer.status, await answer.json()]).toEqual([
        400,
        { error: expect.stringContaining('must be one of trace, debug, info') },
      ]);
    }
    expect((await put(`{"level":"${'x'.repeat(2000)}"}`)).status).toBe(413);
    expect(logger.level).toBe('debug');
    expect(await (await put('{"level":"warn"}')).json()).toEqual({ level: 'warn' });
  });

  const [other] = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal),
  );
  (other ? it : it.skip)('lets nobody change it from elsewhere', async () => {
    expect((await call('/log-level', {}, other?.address)).status).toBe(200);
    expect((await put('{"level":"silent"}', other?.address)).status).toBe(403);
    expect(logger.level).toBe('warn');
  });
});

it('sets the level back by itself', async () => {
  const logger = createLogger('test', 'info', { write: () => undefined });
  const levels = createLogLevels(logger, 20);
  levels.set('trace');
  expect(logger.level).toBe('trace');
  while (logger.level !== 'info') await new Promise((resolve) => setTimeout(resolve, 5));
  expect(levels.state()).toEqual({ level: 'info' });
});
