import { topics } from '@talaria/contracts';
import { sign } from '@talaria/whatsapp';
import { RawConnection } from '../apps/ingestion/testing/raw-connection';
import { webhook } from '../apps/ingestion/testing/test-ingestion';
import { appSecret, type Platform } from '../tools/platform/platform';
import { eventually, kafkaConfigOf, readAll, testPlatform } from './kit';

const signed = (id: string) => {
  const body = JSON.stringify({ entry: [{ id, changes: [{ field: 'flows', value: {} }] }] });
  return webhook(body, { 'X-Hub-Signature-256': sign(Buffer.from(body), appSecret) });
};

describe('ingestion, after SIGTERM', () => {
  let platform: Platform;

  beforeAll(async () => {
    platform = await testPlatform('ingestion-stop', {
      ingestion: { SHUTDOWN_DELAY: '3s', WEBHOOK_ACK_TIMEOUT: '6s' },
    });
  }, 120_000);

  afterAll(() => platform.stop(), 60_000);

  it('says at once that it is not ready, takes webhooks a while longer, one for each connection, and waits for no one who is slow', async () => {
    const { ingestion } = platform.apps;
    const port = Number(new URL(ingestion.url).port);
    const kept = (await RawConnection.open(port)).send(signed('before'));
    expect((await kept.answer())?.headers.connection).toBe('keep-alive');
    const idle = (await RawConnection.open(port)).send(signed('idle'));
    await idle.answer();
    const slow = (await RawConnection.open(port)).send(signed('slow').subarray(0, -10));

    const stopped = ingestion.stop();
    await eventually(async () => expect((await fetch(`${ingestion.healthUrl}/ready`)).status).toBe(503));
    expect((await fetch(`${ingestion.healthUrl}/live`)).status).toBe(200);
    const fresh = (await RawConnection.open(port)).send(signed('fresh'));
    kept.send(signed('kept'));
    for (const [connection, count] of [
      [fresh, 1],
      [kept, 2],
    ] as const) {
      const answer = await connection.answer(count);
      expect([answer?.status, answer?.headers.connection]).toEqual([200, 'close']);
      expect(await connection.ended()).toHaveLength(count);
    }

    // It would be code 1 after 10 s.
    expect(await stopped).toBe('exit code 0');
    expect(await idle.ended()).toHaveLength(1);
    expect((await slow.ended()).map(({ status }) => status)).not.toContain(200);
    const records = await readAll(kafkaConfigOf(platform), topics.webhooks.name);
    const ids = records.map(({ key }) => key?.toString());
    expect([...ids].sort()).toEqual(['before', 'fresh', 'idle', 'kept']);
  }, 60_000);
});
