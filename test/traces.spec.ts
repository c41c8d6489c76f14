import { topics } from '@talaria/contracts';
import { sign } from '@talaria/whatsapp';
import { query } from '../tools/platform/database';
import { appSecret, type Platform } from '../tools/platform/platform';
import {
  eventually,
  kafkaConfigOf,
  publish,
  readAll,
  type ReceivedSpan,
  startTraceReceiver,
  testPlatform,
} from './kit';

const number = {
  wabaId: '910001',
  phoneNumberId: '920001',
  displayPhoneNumber: '+1 555 010 9999',
  accessToken: 'trace-token-51c',
};
const phone = '4915177700999';
const text = 'a text that belongs on no span';

describe('traces', () => {
  let platform: Platform;
  let receiver: Awaited<ReturnType<typeof startTraceReceiver>>;

  beforeAll(async () => {
    receiver = await startTraceReceiver();
    const env = (service: string) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_SERVICE_NAME: service,
    });
    platform = await testPlatform('traces', {
      ingestion: env('ingestion'),
      processor: env('processor'),
      dispatcher: env('dispatcher'),
    });
    await platform.addNumber(number);
  }, 120_000);

  afterAll(async () => {
    await platform.stop();
    receiver.close();
  }, 60_000);

  const spanThat = (matches: Partial<ReceivedSpan>) =>
    eventually(() => {
      const span = receiver.spans.find((one) =>
        Object.entries(matches).every(([key, value]) => one[key as keyof ReceivedSpan] === value),
      );
      expect(span).toBeDefined();
      return span!;
    });
  const spanOf = (service: string, name: string) => spanThat({ service, name });

  it('of a webhook reach from the request to the projection; a traceparent from outside is ignored', async () => {
    const foreign = 'f'.repeat(32);
    const message = {
      id: 'wamid.trace-1',
      from: phone,
      timestamp: '1763900000',
      type: 'text',
      text: { body: text },
    };
    const value = { metadata: { phone_number_id: number.phoneNumberId }, messages: [message] };
    const body = JSON.stringify({ entry: [{ id: number.wabaId, changes: [{ field: 'messages', value }] }] });
    const response = await fetch(platform.webhookUrl, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': sign(Buffer.from(body), appSecret),
        traceparent: `00-${foreign}-${'1'.repeat(16)}-01`,
      },
    });
    expect(response.status).toBe(200);

    const received = await spanOf('ingestion', 'POST /webhooks/whatsapp');
    expect(received).toMatchObject({ parentSpanId: '' });
    expect(received.traceId).not.toBe(foreign);
    const processed = await spanOf('processor', 'process whatsapp.webhooks');
    expect(processed).toMatchObject({ traceId: received.traceId, parentSpanId: received.spanId });
    const [record] = await readAll(kafkaConfigOf(platform), topics.webhooks.name);
    expect(record?.headers.traceparent).toContain(received.traceId);
  }, 60_000);

  it('of a command reach from the publisher to the call to Meta, under its command id', async () => {
    const traceId = 'abcdef0123456789abcdef0123456789';
    const command = {
      id: 'trace-command-1',
      wabaId: number.wabaId,
      phoneNumberId: number.phoneNumberId,
      to: `+${phone}`,
      message: { type: 'text', text: { body: text } },
    };
    await publish(platform, topics.outbound.name, [
      {
        key: command.wabaId,
        value: JSON.stringify(command),
        headers: { traceparent: `00-${traceId}-${'2'.repeat(16)}-01` },
      },
    ]);
    const called = await spanOf('dispatcher', 'POST messages');
    const processed = await spanThat({ spanId: called.parentSpanId });
    expect(processed).toMatchObject({
      name: 'process whatsapp.outbound',
      traceId,
      parentSpanId: '2'.repeat(16),
    });
    for (const span of [processed, called]) {
      expect(span.attributes['messaging.message.conversation_id']).toBe(command.id);
    }
    const [told] = await eventually(async () => {
      const steps = await query<{ trace_id: string; took: boolean }>(
        platform.databaseUrl,
        `SELECT trace_id, started_at <= told_at AS took FROM dispatch_attempts WHERE command_id = 'trace-command-1'`,
      );
      expect(steps).toHaveLength(1);
      return steps;
    });
    expect(told).toEqual({ trace_id: traceId, took: true });
  }, 60_000);

  it('hold no phone, text or token', () => {
    for (const secret of [phone, text, number.accessToken]) expect(receiver.raw.join()).not.toContain(secret);
  });
});
