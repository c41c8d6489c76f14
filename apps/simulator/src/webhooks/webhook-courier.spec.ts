import { Receiver } from '../../testing/receiver';
import { until } from '../../testing/until';
import { steadyClock } from '../clock';
import { seeded } from '../random';
import { WebhookClient } from './webhook-client';
import { retryDelayMs, WebhookCourier } from './webhook-courier';

describe('retryDelayMs', () => {
  it('doubles from 100 ms to 10 s, give or take a quarter', () => {
    const middle = () => 0.5;
    expect([1, 2, 3, 8, 50].map((attempts) => retryDelayMs(attempts, middle))).toEqual([
      100, 200, 400, 10_000, 10_000,
    ]);
    expect(retryDelayMs(1, () => 0)).toBe(75);
  });
});

describe('WebhookCourier', () => {
  let receiver: Receiver;
  let client: WebhookClient;
  let courier: WebhookCourier;

  beforeEach(async () => {
    receiver = await Receiver.start();
    client = new WebhookClient(receiver.url, { appSecret: 's', connections: 8, timeoutMs: 100 });
    courier = new WebhookCourier(
      (body, signature) => client.post(body, signature),
      3,
      steadyClock,
      seeded(1),
    );
  });

  afterEach(async () => {
    courier.clear();
    await client.close();
    await receiver.close();
  });

  const send = (
    body: string,
    acknowledged: () => void = () => undefined,
    failed: () => void = () => undefined,
  ) => courier.send({ body, signature: client.sign(body), acknowledged, failed }, steadyClock());

  it('repeats the same signed bytes until the answer is exactly 200', async () => {
    receiver.answer = (index) => [503, 201, 200][index];
    let isAcknowledged = false;
    let failures = 0;
    send(
      '{"n":1}',
      () => (isAcknowledged = true),
      () => (failures += 1),
    );
    await until('the acknowledgement', () => isAcknowledged);
    expect(receiver.received).toEqual(
      Array.from({ length: 3 }, () => ({ body: '{"n":1}', signature: client.sign('{"n":1}') })),
    );
    expect(failures).toBe(2);
    expect(courier.counts).toEqual({ sent: 3, acknowledged: 1, retried: 2 });
  });

  it('takes silence for a failure', async () => {
    receiver.answer = (index) => (index === 0 ? undefined : 200);
    let isAcknowledged = false;
    send('{}', () => (isAcknowledged = true));
    await until('the acknowledgement', () => isAcknowledged);
    expect(courier.counts.retried).toBe(1);
  });

  it('posts no more at once than it may', async () => {
    receiver.answer = () => undefined;
    for (let count = 0; count < 10; count += 1) send('{}');
    await until('the first posts', () => receiver.received.length === 3);
    expect(courier.counts.sent).toBe(3);
  });
});
