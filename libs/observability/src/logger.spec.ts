import { createLogger } from './logger';

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
});
