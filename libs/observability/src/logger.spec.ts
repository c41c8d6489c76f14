import { createLogger, setLevel, wideLog } from './logger';

function linesOf(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLogger('test', 'info', { write: (line: string) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line));
}

describe('the log', () => {
  it('is JSON with service, level and time', () => {
    const [line] = linesOf((logger) => logger.info({ commandId: 'c-1' }, 'attempt'));
    expect(line).toMatchObject({ service: 'test', level: 'info', commandId: 'c-1', msg: 'attempt' });
    expect(line?.time).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('cuts out what could be personal or secret, wherever it stands', () => {
    const secret = '4915112345678';
    const lines = linesOf((logger) => {
      logger.info({ to: secret, accessToken: secret });
      logger.info({ message: { text: secret, from: secret } });
      logger.info({ request: { headers: { authorization: secret } } });
      logger.info({ record: { key: secret, value: secret } });
    });
    expect(lines).toHaveLength(4);
    expect(JSON.stringify(lines)).not.toContain(secret);
  });

  it('falls back to info for a level that does not exist', () => {
    expect(createLogger('test', 'loud').level).toBe('info');
  });

  it('tells of an error its type, code and calls, and nothing that a library has hung on it or quotes in it', () => {
    const secret = '4915112345678';
    const own = new TypeError(`no route for +49 151 12345678 by wamid.HBgNNDkx== with EAAGm0PX4ZCpsBA`);
    Object.assign(own, { parameters: [secret], request: { headers: { to: secret } }, code: 'E_ROUTE' });
    const [line] = linesOf((logger) => logger.error({ err: own }, 'failed'));
    expect(line?.err).toMatchObject({
      type: 'TypeError',
      code: 'E_ROUTE',
      stack: expect.stringMatching(/^ +at /),
    });
    const text = JSON.stringify(line);
    for (const part of [secret, '12345678', 'HBgN', 'Gm0PX4']) expect(text).not.toContain(part);

    const quoting = linesOf((logger) => {
      try {
        JSON.parse('"how is your knee');
      } catch (cause) {
        logger.error({ err: new Error('a record cannot be read', { cause }) });
        logger.error(cause);
        logger.error({ err: 'how is your knee' });
      }
    });
    expect(quoting).toHaveLength(3);
    expect(JSON.stringify(quoting)).not.toContain('knee');
    expect(quoting[0]).toMatchObject({
      err: { message: 'a record cannot be read', cause: { type: 'SyntaxError' } },
    });
  });

  it('has one level for all that is made of it', () => {
    const lines: string[] = [];
    const logger = createLogger('test', 'info', { write: (line: string) => lines.push(line) });
    const [child, wide] = [logger.child({ projection: 1 }), wideLog(logger)];
    setLevel(logger, 'debug');
    for (const one of [logger, child, wide, child.child({}), logger.child({})]) one.debug('heard');
    setLevel(logger, 'silent');
    for (const one of [logger, child, wide]) one.fatal('not heard');
    expect(lines).toHaveLength(5);
  });
});
