import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool, request } from 'undici';
import { type Departures, departuresIn } from './departures';

const body = (callbackData?: string) =>
  JSON.stringify({ to: '15550001111', biz_opaque_callback_data: callbackData });

describe('the departures of a process that calls Meta', () => {
  let directory: string;
  let departures: Departures;
  let server: Server;
  let url: string;
  let subscribe: jest.SpiedFunction<typeof diagnostics.subscribe>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'departures-'));
    departures = departuresIn(directory);
    Object.assign(process.env, {
      CHAOS_DEPARTURES_FILE: departures.environmentOf('dispatcher').CHAOS_DEPARTURES_FILE,
    });
    // As the process loads it: before its own program.
    subscribe = jest.spyOn(diagnostics, 'subscribe');
    jest.requireActual('./departure-log');
    server = createServer((incoming, response) => incoming.resume().on('end', () => response.end())).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    delete process.env.CHAOS_DEPARTURES_FILE;
    // The channel is the whole process', and so other specs', too.
    for (const [channel, listener] of subscribe.mock.calls) diagnostics.unsubscribe(channel, listener);
    subscribe.mockRestore();
    for (const event of ['create', 'error'])
      expect(diagnostics.hasSubscribers(`undici:request:${event}`)).toBe(false);
    await new Promise((done) => server.close(done));
    rmSync(directory, { recursive: true });
  });

  it('are its messages, each with its number and what it says of itself, by whichever way of undici, and nothing else', async () => {
    const before = performance.timeOrigin + performance.now();
    const pool = new Pool(url);
    await pool.request({ method: 'POST', path: '/v23.0/901/messages', body: body('one') });
    await request(`${url}/v23.0/902/messages`, { method: 'POST', body: body('two') });
    await request(`${url}/v23.0/902/media`, { method: 'POST', body: body('a picture') });
    await request(`${url}/v23.0/902/messages`);
    await pool.destroy();
    const after = performance.timeOrigin + performance.now();

    const seen = departures.read();
    expect(seen).toEqual([
      { phoneNumberId: '901', callbackData: 'one', at: expect.any(Number) },
      { phoneNumberId: '902', callbackData: 'two', at: expect.any(Number) },
    ]);
    for (const { at } of seen) {
      expect(at).toBeGreaterThanOrEqual(before);
      expect(at).toBeLessThanOrEqual(after);
    }
  });

  it('are told though the call never arrives', async () => {
    const earlier = departures.read().length;
    const call = { method: 'POST', body: body('lost') } as const;
    await expect(request('http://127.0.0.1:1/v23.0/901/messages', call)).rejects.toThrow();
    expect(departures.read().slice(earlier)).toMatchObject([{ phoneNumberId: '901', callbackData: 'lost' }]);
  });

  it('tell how long those took that ended without an answer', async () => {
    const deaf = createServer().listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    const { port } = deaf.address() as AddressInfo;
    const pool = new Pool(`http://127.0.0.1:${port}`);
    const impatience = new AbortController();
    const from = performance.now();
    const arrived = once(deaf, 'request');
    const call = pool.request({
      ...{ method: 'POST', path: '/v23.0/901/messages', body: body('in vain') },
      signal: impatience.signal,
    });
    await arrived;
    impatience.abort();
    await expect(call).rejects.toThrow();
    await pool.destroy();
    await new Promise((done) => deaf.close(done));
    const failed = departures.readFailed(0).filter(({ callbackData }) => callbackData === 'in vain');
    expect(failed).toEqual([{ callbackData: 'in vain', failedAfterMs: expect.any(Number) }]);
    expect(failed[0]!.failedAfterMs).toBeGreaterThan(0);
    expect(failed[0]!.failedAfterMs).toBeLessThan(performance.now() - from);
    expect(departures.readFailed(0)).not.toContainEqual(expect.objectContaining({ callbackData: 'one' }));
  });

  it('tell apart those for which the process had waited', () => {
    const { CHAOS_DEPARTURES_FILE: other = '' } = departures.environmentOf('dispatcher-3');
    const lineOf = (failedAfterMs: number) => `${JSON.stringify({ callbackData: 'late', failedAfterMs })}\n`;
    writeFileSync(other, [3900, 3990, 4001].map(lineOf).join(''));
    expect(departures.readFailed(4000).map(({ failedAfterMs }) => failedAfterMs)).toEqual([3990, 4001]);
  });

  it('of several processes come together', () => {
    const earlier = departures.read().length;
    const { CHAOS_DEPARTURES_FILE: other = '' } = departures.environmentOf('dispatcher-2');
    writeFileSync(other, '{"phoneNumberId":"903","at":1}\n');
    expect(departures.read()).toHaveLength(earlier + 1);
  });
});
