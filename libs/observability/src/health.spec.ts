import { createHealth } from './health';

describe('health', () => {
  it('is alive, and not ready, while the process starts, and says what it is at', () => {
    const health = createHealth();
    health.starting('waits for the schema');
    expect(health.ask('live').status).toBe('ok');
    for (const probe of ['startup', 'ready'] as const)
      expect(health.ask(probe)).toEqual({ status: 'error', checks: { start: 'waits for the schema' } });
  });

  it('names each check, and why it is not well', () => {
    const health = createHealth();
    let fault: string | undefined = undefined;
    health.use({ live: { loop: () => undefined }, ready: { kafka: () => fault } });
    expect(health.ask('ready')).toEqual({ status: 'ok', checks: { process: 'ok', kafka: 'ok' } });
    fault = 'brokers do not answer';
    expect(health.ask('ready')).toMatchObject({ status: 'error', checks: { kafka: fault } });
    expect(health.ask('live').status).toBe('ok');
  });

  it('has started once and for all, and is not ready before', () => {
    const health = createHealth();
    let fault: string | undefined = 'not a member yet';
    health.use({ startup: { consumer: () => fault }, live: {}, ready: {} });
    expect(health.ask('startup').status).toBe('error');
    expect(health.ask('ready')).toEqual({ status: 'error', checks: { consumer: 'not a member yet' } });
    fault = undefined;
    expect(health.ask('ready').status).toBe('ok');
    fault = 'rebalancing';
    expect([health.ask('startup').status, health.ask('ready').status]).toEqual(['ok', 'ok']);
  });
});
