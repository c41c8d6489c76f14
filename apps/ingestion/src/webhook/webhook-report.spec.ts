import { createLogger } from '@talaria/observability';
import { createWebhookReport } from './webhook-report';

describe('the report of webhooks', () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('test', 'debug', {
    write: (line: string) => lines.push(JSON.parse(line) as never),
  });
  let now = 1_000_000;
  const report = createWebhookReport(logger, () => now);
  beforeEach(() => (lines.length = 0));

  it('tells of each that was accepted, at debug', () => {
    for (let webhook = 0; webhook < 50; webhook++)
      report('accepted', {
        app: 'app-a',
        deliveryId: 'd',
        items: 2,
        wabaId: '1',
        bytes: 3,
        durationMs: 1.26,
      });
    expect(lines).toHaveLength(50);
    expect(lines[0]).toMatchObject({ level: 'debug', result: 'accepted', app: 'app-a', durationMs: 1.3 });
    logger.level = 'info';
    report('accepted', { app: '' });
    expect(lines).toHaveLength(50);
  });

  it('tells of ten a second that were refused, of each kind, and then of how many it said nothing', () => {
    for (let webhook = 0; webhook < 25; webhook++) report('bad_signature', { app: '' });
    report('too_large', { app: '', bytes: 5 });
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toMatchObject({ level: 'info', result: 'too_large', bytes: 5 });
    now += 1000;
    for (let webhook = 0; webhook < 3; webhook++) report('bad_signature', { app: '' });
    expect(lines.slice(11).map(({ untold }) => untold)).toEqual([15, undefined, undefined]);
  });
});
