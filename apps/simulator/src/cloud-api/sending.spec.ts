import { aText, ownNumber, SimulatorProcess, type Reply } from '../../testing/simulator-process';
import { Receiver } from '../../testing/receiver';
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
  await simulator.call('PUT', '/simulator/settings', { limits: true });
  await simulator.register();
});

const wamidOf = ({ body }: Reply) => (body.messages as { id: string }[])[0]!.id;
const errorOf = ({ body }: Reply) => body.error as Record<string, unknown> | undefined;
const stats = async () => (await simulator.call('GET', '/simulator/stats')).body;
const acceptedCount = async () => (await stats()).accepted as number;
const fault = (answer: object, more: object = {}) =>
  simulator.call('POST', '/simulator/faults', { answer, ...more });
const statusesOf = (wamid: string) =>
  receiver.items.filter(({ id }) => id === wamid).map(({ status }) => status);

describe('a good send', () => {
  it('is answered as Meta does, listed for checkers, and followed by signed statuses', async () => {
    const answer = await simulator.send({
      biz_opaque_callback_data: 'cmd/é',
      context: { message_id: 'wamid.asked' },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      messaging_product: 'whatsapp',
      contacts: [{ input: '+15550001111', wa_id: '15550001111' }],
      messages: [{ id: expect.stringMatching(/^wamid\./), message_status: 'accepted' }],
    });
    const wamid = wamidOf(answer);
    await until('three statuses', () => statusesOf(wamid).length === 3);
    expect(statusesOf(wamid).sort()).toEqual(['delivered', 'read', 'sent']);
    for (const { body, signature } of receiver.received) {
      expect(signature).toBe(signatureOf(body, 'test-app-secret'));
      expect(body).toContain('cmd\\/\\u00e9');
    }
    const { body } = await simulator.call('GET', '/simulator/accepted');
    expect(body).toEqual({
      next: 1,
      accepted: [
        {
          seq: 1,
          at: expect.any(Number),
          phoneNumberId: '100',
          to: '+15550001111',
          wamid,
          callbackData: 'cmd/é',
          type: 'text',
          answers: 'wamid.asked',
        },
      ],
    });
    const acknowledged = await until('the acknowledgements', async () => {
      const page = (await simulator.call('GET', '/simulator/acknowledged')).body;
      return (page.next as number) === 3 && page;
    });
    expect(acknowledged.acknowledged).toContainEqual({
      seq: expect.any(Number),
      kind: 'status',
      phoneNumberId: '100',
      id: wamid,
      status: 'read',
      at: expect.any(Number),
    });
  });

  it('to a user id is answered with the user id alone', async () => {
    const { body } = await simulator.send({ to: undefined, recipient: 'US.1349' });
    expect(body.contacts).toEqual([{ input: 'US.1349', user_id: 'US.1349' }]);
  });

  it('needs no content type', async () => {
    const answer = await simulator.call('POST', '/v23.0/100/messages', aText, {
      'content-type': 'text/plain',
      authorization: 'Bearer own-token',
    });
    expect(answer.status).toBe(200);
  });

  it('that marks a message as read is no message', async () => {
    const mark = { messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.1' };
    const { body } = await simulator.call('POST', '/v23.0/100/messages', mark, {
      authorization: 'Bearer own-token',
    });
    expect(body).toEqual({ success: true });
    expect(await stats()).toMatchObject({ accepted: 0, readMarks: 1 });
  });
});

describe('a refused send', () => {
  it('is told why in Meta’s form', async () => {
    const { status, body } = await simulator.send({ to: 'nobody' });
    expect(status).toBe(400);
    expect(body).toEqual({
      error: {
        message: '(#131009) Parameter value is not valid',
        type: 'OAuthException',
        code: 131009,
        error_data: { messaging_product: 'whatsapp', details: expect.stringContaining('to is not valid') },
        fbtrace_id: expect.any(String),
      },
    });
    expect(await stats()).toMatchObject({ accepted: 0, refused: { 131009: 1 } });
  });

  test.each<[string, number, number, () => Promise<Reply>]>([
    ['without token', 401, 190, () => simulator.call('POST', '/v23.0/100/messages', aText)],
    ['with an unknown token', 401, 190, () => simulator.send({}, '100', 'guessed')],
    ['from an unknown number', 400, 100, () => simulator.send({}, '404')],
    ['to itself', 400, 131021, () => simulator.send({ to: '15550000000' })],
    [
      'as broken JSON',
      400,
      100,
      () => simulator.call('POST', '/v23.0/100/messages', '{', { authorization: 'Bearer own-token' }),
    ],
    ['without an API version', 400, 100, () => simulator.call('POST', '/latest/100/messages', aText)],
  ])('%s: %d with code %d', async (_, status, code, send) => {
    const answer = await send();
    expect([answer.status, errorOf(answer)?.code]).toEqual([status, code]);
  });

  it('says subcode 33 for a number that is not visible', async () => {
    expect(errorOf(await simulator.send({}, '404'))).toMatchObject({ code: 100, error_subcode: 33 });
  });

  it('tells a token of another WABA from an unknown one', async () => {
    await simulator.register('200', { wabaId: '901', accessToken: 'other-token' });
    await simulator.register('101', { accessToken: 'sister-token' });
    const foreign = await simulator.send({}, '100', 'other-token');
    expect([foreign.status, errorOf(foreign)?.code]).toEqual([403, 10]);
    expect((await simulator.send({}, '100', 'sister-token')).status).toBe(200);
  });
});

describe('limits', () => {
  it('refuse above the number’s rate, count what was accepted, and can be switched off', async () => {
    await simulator.register('300', { messagesPerSecond: 5 });
    const sendMany = async () =>
      Promise.all(
        Array.from({ length: 9 }, (_, index) => simulator.send({ to: `+1555000200${index}` }, '300')),
      );
    const limited = await sendMany();
    expect(limited.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(limited.filter(({ status }) => status === 429).map((answer) => errorOf(answer)?.code)).toEqual(
      Array.from({ length: 4 }, () => 130429),
    );
    expect((await stats()).maxPerSecond).toMatchObject({ 300: { sends: 5, together: 5 } });
    const { overLimit } = (await simulator.call('GET', '/simulator/over-limit')).body as {
      overLimit: unknown[];
    };
    expect(overLimit).toHaveLength(4);
    expect(overLimit[0]).toMatchObject({
      ...{ phoneNumberId: '300', code: 130429, at: expect.any(Number), messagesPerSecond: 5 },
    });

    await simulator.call('PUT', '/simulator/settings', { limits: false });
    expect((await sendMany()).every(({ status }) => status === 200)).toBe(true);
  });

  it('refuse the 46th message to one person', async () => {
    const answers = [];
    for (let count = 0; count < 46; count += 1) answers.push(await simulator.send());
    const refusedOnes = answers.filter(({ status }) => status !== 200);
    expect(refusedOnes.map((answer) => [answer.status, errorOf(answer)?.code])).toEqual([[400, 131056]]);
  });
});

describe('a fault', () => {
  it('answers with any code once, and only for the sends it matches', async () => {
    await fault(
      { code: 131016, isTransient: true, subcode: 7, retryAfterSeconds: 3 },
      { match: { recipient: '15550002222' } },
    );
    expect((await simulator.send()).status).toBe(200);
    const hit = await simulator.send({ to: '+15550002222' });
    expect(hit.status).toBe(503);
    expect(hit.headers.get('retry-after')).toBe('3');
    expect(errorOf(hit)).toMatchObject({ code: 131016, is_transient: true, error_subcode: 7 });
    expect((await simulator.send({ to: '+15550002222' })).status).toBe(200);
    expect(await stats()).toMatchObject({ accepted: 2, faults: { error: 1 } });
    const { overLimit } = (await simulator.call('GET', '/simulator/over-limit')).body as {
      overLimit: unknown[];
    };
    expect(overLimit).toEqual([]);
  });

  it('without end lasts until it is removed', async () => {
    await fault({ code: 131000 }, { times: null });
    for (const _ of [1, 2, 3]) expect((await simulator.send()).status).toBe(500);
    await simulator.call('DELETE', '/simulator/faults');
    expect((await simulator.send()).status).toBe(200);
  });

  it('answers with HTML', async () => {
    await fault({ http: 502, body: '<h1>Bad Gateway</h1>', contentType: 'text/html' });
    const { status, headers, body } = await simulator.send();
    expect([status, headers.get('content-type'), body.text]).toEqual([
      502,
      'text/html',
      '<h1>Bad Gateway</h1>',
    ]);
    expect(await acceptedCount()).toBe(0);
  });

  it('drops the connection before accepting', async () => {
    await fault({ drop: 'before' });
    await expect(simulator.send()).rejects.toThrow();
    expect(await acceptedCount()).toBe(0);
  });

  it('drops the connection after accepting, and the statuses follow', async () => {
    await fault({ drop: 'after' });
    await expect(simulator.send({ biz_opaque_callback_data: 'lost' })).rejects.toThrow();
    expect(await acceptedCount()).toBe(1);
    await until('the statuses', () => receiver.items.length === 3);
    expect(receiver.items[0]).toMatchObject({ biz_opaque_callback_data: 'lost' });
  });

  it('lists what it left without an answer, whether it accepted it or not', async () => {
    await fault({ code: 131016 });
    await fault({ drop: 'after' });
    await fault({ http: 502, body: 'no' });
    await fault({ delayMs: 1 });
    await simulator.send({ biz_opaque_callback_data: 'refused' });
    await expect(simulator.send({ biz_opaque_callback_data: 'dropped' })).rejects.toThrow();
    await simulator.send({ biz_opaque_callback_data: 'unreadable' });
    await simulator.send({ biz_opaque_callback_data: 'late' });
    const { body } = await simulator.call('GET', '/simulator/unanswered');
    const row = { at: expect.any(Number), phoneNumberId: '100', to: '+15550001111' };
    expect(body).toEqual({
      next: 2,
      unanswered: [
        { seq: 1, ...row, callbackData: 'dropped' },
        { seq: 2, ...row, callbackData: 'unreadable' },
      ],
    });
  });

  it('hangs until it is released, and accepts only then', async () => {
    await fault({ hang: true });
    const pending = simulator.send();
    await until('the hang', async () => (await stats()).hanging === 1);
    expect(await acceptedCount()).toBe(0);
    await simulator.call('DELETE', '/simulator/faults');
    expect((await pending).status).toBe(200);
    expect(await acceptedCount()).toBe(1);
  });

  it('forgets a hanging client that leaves', async () => {
    await fault({ hang: true });
    const leaving = new AbortController();
    const pending = fetch(`${simulator.base}/v23.0/100/messages`, {
      method: 'POST',
      body: JSON.stringify(aText),
      headers: { authorization: `Bearer ${ownNumber.accessToken}` },
      signal: leaving.signal,
    });
    await until('the hang', async () => (await stats()).hanging === 1);
    leaving.abort();
    await expect(pending).rejects.toThrow();
    await until('the leaving', async () => (await stats()).hanging === 0);
    expect(await acceptedCount()).toBe(0);
  });

  it('slows the answer, not the acceptance', async () => {
    await fault({ delayMs: 500 });
    let isAnswered = false;
    const pending = simulator.send().finally(() => (isAnswered = true));
    await until('the acceptance', async () => (await acceptedCount()) === 1);
    expect(isAnswered).toBe(false);
    expect((await pending).status).toBe(200);
  });

  it('lets an accepted message fail afterwards', async () => {
    await fault({ failedStatus: 131047 });
    const answer = await simulator.send();
    expect(answer.status).toBe(200);
    await until('the failed status', () => receiver.items.length === 1);
    expect(receiver.items).toMatchObject([
      { id: wamidOf(answer), status: 'failed', errors: [{ code: 131047 }] },
    ]);
  });

  it('waits for the next send when a limit refuses this one', async () => {
    await simulator.register('301', { messagesPerSecond: 1 });
    await simulator.send({}, '301');
    await fault({ drop: 'after' });
    expect((await simulator.send({ to: '+15550002222' }, '301')).status).toBe(429);
    expect((await simulator.call('GET', '/simulator/faults')).body.faults).toHaveLength(1);
  });
});

describe('GET of a number', () => {
  it('tells about it', async () => {
    const { body } = await simulator.call('GET', '/v23.0/100', undefined, {
      authorization: 'Bearer own-token',
    });
    expect(body).toEqual({
      id: '100',
      display_phone_number: '+1 555-000-0000',
      verified_name: 'Talaria Test',
      quality_rating: 'GREEN',
    });
  });

  it('needs a token', async () => {
    expect((await simulator.call('GET', '/v23.0/100')).status).toBe(401);
  });
});
