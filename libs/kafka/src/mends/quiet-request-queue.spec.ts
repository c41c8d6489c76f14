import './quiet-request-queue';
import { readFileSync } from 'node:fs';
import RequestQueue from 'kafkajs/src/network/requestQueue';

function newQueue(): RequestQueue {
  const logger = { debug: () => undefined };
  return new RequestQueue({
    maxInFlightRequests: null,
    requestTimeout: 1000,
    clientId: 'spec',
    broker: 'b:1',
    logger,
  });
}

describe("kafkajs's queue of requests", () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('sets no timer while nothing waits', () => {
    const queue = newQueue();
    queue.checkPendingRequests();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('still sends what waited for the end of a throttle', () => {
    const queue = newQueue();
    const sent: unknown[] = [];
    Object.assign(queue, { sendSocketRequest: (request: unknown) => sent.push(request) });
    queue.throttledUntil = Date.now() + 500;
    queue.pending.push({ correlationId: 1 });
    queue.scheduleCheckPendingRequests();
    jest.advanceTimersByTime(499);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(10);
    expect(sent).toEqual([{ correlationId: 1 }]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is that of the version which was read for this', () => {
    const { version } = JSON.parse(readFileSync(require.resolve('kafkajs/package.json'), 'utf8'));
    expect(version).toBe('2.2.4');
  });
});
