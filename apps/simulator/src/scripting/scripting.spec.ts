import { Receiver } from '../../testing/receiver';
import { ownNumber, SimulatorProcess } from '../../testing/simulator-process';
import { until } from '../../testing/until';
import { signatureOf } from '../webhooks/meta-json';

let receiver: Receiver;
let simulator: SimulatorProcess;

beforeAll(async () => {
  receiver = await Receiver.start();
  simulator = await SimulatorProcess.start(receiver.url);
});
afterAll(async () => {
  await simulator.close();
  await receiver.close();
});
beforeEach(async () => {
  await simulator.call('DELETE', '/simulator/state');
  receiver.received.length = 0;
  receiver.answer = () => 200;
  await simulator.call('PUT', '/simulator/settings', { webhookUrl: receiver.url });
});

describe('a wrong call names what is wrong', () => {
  test.each<[string, string, unknown, string]>([
    ['PUT', '/simulator/numbers/abc', {}, 'the phone number id in the path must be digits'],
    ['PUT', '/simulator/numbers/1', {}, 'wabaId must be text of digits'],
    [
      'PUT',
      '/simulator/numbers/1',
      { ...ownNumber, messagesPerSecond: 0 },
      'messagesPerSecond must be a number from 1 to 1000000',
    ],
    ['PUT', '/simulator/settings', '[', 'the body must be a JSON object'],
    [
      'PUT',
      '/simulator/settings',
      { limit: false },
      'unknown: limit; known here: webhookUrl, limits, statuses, webhooks',
    ],
    [
      'PUT',
      '/simulator/settings',
      { statuses: { read: [5, 1] } },
      'statuses.read must be two numbers of milliseconds, [min, max]',
    ],
    [
      'PUT',
      '/simulator/settings',
      { webhooks: { batch: 1001 } },
      'webhooks.batch must be a number from 1 to 1000',
    ],
    [
      'PUT',
      '/simulator/settings',
      { webhookUrl: 'localhost' },
      'webhookUrl must be a URL that begins with http:// or https://',
    ],
    ['POST', '/simulator/faults', {}, 'answer must be an object'],
    ['POST', '/simulator/faults', { answer: { hang: true, code: 1 } }, 'answer must have exactly one of'],
    ['POST', '/simulator/faults', { answer: { drop: 'now' } }, 'answer.drop must be "before" or "after"'],
    ['POST', '/simulator/faults', { times: 0, answer: { code: 1 } }, 'times must be a number from 1'],
    [
      'POST',
      '/simulator/traffic',
      { perSecond: 1, kinds: ['fax'] },
      'kinds must be an array of one or more of: text,',
    ],
    [
      'POST',
      '/simulator/traffic',
      { perSecond: 1, phoneNumberIds: ['999'] },
      'phoneNumberIds must be an array',
    ],
    ['POST', '/simulator/webhooks', {}, 'body must be an object, or the raw text to post'],
    ['GET', '/simulator/accepted?after=x', undefined, 'after must be a sequence number'],
  ])('%s %s %j', async (method, path, body, message) => {
    await simulator.register();
    const answer = await simulator.call(method, path, body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toContain(message);
  });
});

describe('settings', () => {
  it('keep what a call does not name', async () => {
    const before = (await simulator.call('GET', '/simulator/settings')).body;
    const { body } = await simulator.call('PUT', '/simulator/settings', {
      statuses: { read: null },
      webhooks: { batch: 1 },
    });
    expect(body).toEqual({ ...before, statuses: { ...(before.statuses as object), read: null } });
    await simulator.call('PUT', '/simulator/settings', { statuses: { read: [5, 6] } });
  });

  it('send webhooks elsewhere', async () => {
    const other = await Receiver.start();
    await simulator.call('PUT', '/simulator/settings', { webhookUrl: other.url });
    await simulator.register();
    await simulator.send();
    await until('the statuses', () => other.items.length === 3);
    expect(receiver.received).toHaveLength(0);
    await other.close();
  });
});

describe('POST /simulator/webhooks', () => {
  it('delivers a body as often as asked and tells the last status', async () => {
    receiver.answer = (index) => [401, 200][index];
    const { body } = await simulator.call('POST', '/simulator/webhooks', { body: { a: 'é/' }, times: 2 });
    expect(body).toEqual({ status: 200, statuses: [401, 200] });
    const bytes = '{"a":"\\u00e9\\/"}';
    expect(receiver.received).toEqual(
      [1, 2].map(() => ({ body: bytes, signature: signatureOf(bytes, 'test-app-secret') })),
    );
  });

  it('delivers raw text, and signatures that are wrong or missing', async () => {
    await simulator.call('POST', '/simulator/webhooks', { body: '{broken', signature: 'sha256=00' });
    await simulator.call('POST', '/simulator/webhooks', { body: '{broken', signature: null });
    expect(receiver.received).toEqual([
      { body: '{broken', signature: 'sha256=00' },
      { body: '{broken', signature: undefined },
    ]);
  });
});

describe('traffic', () => {
  const progress = async () => (await simulator.call('GET', '/simulator/traffic')).body;
  const messageIds = () => new Set(receiver.items.map(({ id }) => id));

  it('needs a number to write to', async () => {
    const fresh = await SimulatorProcess.start(receiver.url);
    const answer = await fresh.call('POST', '/simulator/traffic', { perSecond: 10 });
    expect([answer.status, answer.body.error]).toEqual([
      400,
      'register a number first: PUT /simulator/numbers/{id}',
    ]);
    await fresh.close();
  });

  it('generates as many as asked, delivers each, and lists it once acknowledged', async () => {
    await simulator.register();
    receiver.answer = (index) => (index % 10 === 3 ? 503 : 200);
    await simulator.call('POST', '/simulator/traffic', {
      perSecond: 2000,
      count: 200,
      kinds: ['text', 'image'],
    });
    const done = await until('all acknowledged', async () => {
      const now = await progress();
      return (now.acknowledged as number) === 200 && now;
    });
    expect(done).toMatchObject({ running: false, generated: 200, waiting: 0, behind: 0 });
    expect(done.failedAttempts).toBeGreaterThan(0);
    expect(done.answerMs).toMatchObject({ count: 200, p50: expect.any(Number), p99: expect.any(Number) });
    expect(messageIds().size).toBe(200);
    const { body } = await simulator.call('GET', '/simulator/acknowledged');
    const listed = body.acknowledged as { kind: string; id: string }[];
    expect(new Set(listed.map(({ id }) => id))).toEqual(messageIds());
    expect((await simulator.call('GET', '/simulator/stats')).body.maxPerSecond).toMatchObject({
      100: { sends: 0, together: 200 },
    });
  });

  it('puts as many items into one body as asked, of several numbers', async () => {
    await simulator.register();
    await simulator.register('101', { wabaId: '901' });
    await simulator.call('POST', '/simulator/traffic', {
      perSecond: 100_000,
      count: 2500,
      batchSize: 1000,
      kinds: ['text'],
    });
    await until('three bodies', () => receiver.received.length === 3);
    expect(messageIds().size).toBe(2500);
    expect((JSON.parse(receiver.received[0]!.body) as { entry: unknown[] }).entry).toHaveLength(2);
  });

  it('stops when told, and runs only once at a time', async () => {
    await simulator.register();
    await simulator.call('POST', '/simulator/traffic', { perSecond: 100 });
    expect((await simulator.call('POST', '/simulator/traffic', { perSecond: 1 })).body.error).toContain(
      'runs already',
    );
    const stopped = await simulator.call('DELETE', '/simulator/traffic');
    expect(stopped.body.running).toBe(false);
    expect((await progress()).generated).toBe(stopped.body.generated);
  });
});

describe('the rest of the process', () => {
  it('is live and ready', async () => {
    expect((await simulator.call('GET', '/health/live')).status).toBe(200);
    expect((await simulator.call('GET', '/health/ready')).status).toBe(200);
  });

  it('forgets lists and faults but no numbers on DELETE /simulator/state', async () => {
    await simulator.register();
    await simulator.call('POST', '/simulator/faults', { answer: { failedStatus: 131026 }, times: null });
    await simulator.send();
    expect((await simulator.call('DELETE', '/simulator/state')).status).toBe(204);
    expect((await simulator.call('GET', '/simulator/accepted')).body).toEqual({ next: 0, accepted: [] });
    expect((await simulator.call('GET', '/simulator/faults')).body.faults).toEqual([]);
    expect((await simulator.call('GET', '/simulator/numbers')).body.numbers).not.toEqual([]);
  });
});
