import { headers, topics } from '@talaria/contracts';
import { beginRebuild, createDataSource } from '@talaria/database';
import { sign } from '@talaria/whatsapp';
import { findJaeger, howToGetJaeger, type Jaeger, startJaeger } from '../tools/jaeger/jaeger';
import { query } from '../tools/platform/database';
import { appSecret, type Platform } from '../tools/platform/platform';
import {
  checkCommandStory,
  checkRedrive,
  checkRetries,
  checkWebhookStory,
  eventually,
  jaegerSource,
  kafkaConfigOf,
  publish,
  readAll,
  sourceOf,
  startTraceReceiver,
  testPlatform,
  type TraceSource,
} from './kit';

const number = {
  wabaId: '910001',
  phoneNumberId: '920001',
  displayPhoneNumber: '+1 555 010 9999',
  accessToken: 'trace-token-51c',
};
const phone = '4915177700999';
const text = 'a text that belongs on no span';
const wamid = 'wamid.trace-1';
const services = ['ingestion', 'processor', 'dispatcher'] as const;
/** sent, delivered, read: as the stand-in for Meta tells them. */
const STATUSES = 3;

const publisherOf = (digit: string) => ({ traceId: `abcdef${digit.repeat(26)}`, spanId: digit.repeat(16) });

const jaegerProgram = findJaeger(process.env);
const itInJaeger = jaegerProgram === undefined ? it.skip : it;
if (jaegerProgram === undefined)
  process.stderr.write(`The stories are not looked up in Jaeger. ${howToGetJaeger}.\n`);

describe('traces', () => {
  let platform: Platform;
  let jaeger: Jaeger | undefined;
  let receiver: Awaited<ReturnType<typeof startTraceReceiver>>;
  /** What was found at the receiver, to be found in Jaeger as well. */
  const stories: ((source: TraceSource) => Promise<void>)[] = [];

  beforeAll(async () => {
    jaeger = jaegerProgram === undefined ? undefined : await startJaeger(jaegerProgram);
    receiver = await startTraceReceiver(jaeger?.otlpUrl);
    const env = (service: (typeof services)[number]) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_SERVICE_NAME: service,
    });
    platform = await testPlatform('traces', {
      ingestion: env('ingestion'),
      processor: env('processor'),
      // Every retry goes by way of its topic.
      dispatcher: { ...env('dispatcher'), RETRY_SCHEDULE: '1s', RETRY_IN_LANE_MAX: '0s' },
    });
    await platform.addNumber(number);
  }, 120_000);

  afterAll(async () => {
    await platform.stop();
    receiver.close();
    await jaeger?.stop();
  }, 60_000);

  async function tells(story: (source: TraceSource) => Promise<void>, withinMs?: number): Promise<void> {
    stories.push(story);
    await eventually(() => story(sourceOf(receiver.spans)), withinMs);
  }

  async function publishCommand(
    id: string,
    publisher: ReturnType<typeof publisherOf>,
    more = {},
  ): Promise<void> {
    const message = { type: 'text', text: { body: text } };
    const command = {
      id,
      wabaId: number.wabaId,
      phoneNumberId: number.phoneNumberId,
      to: `+${phone}`,
      message,
    };
    const traceparent = `00-${publisher.traceId}-${publisher.spanId}-01`;
    await publish(platform, topics.outbound.name, [
      { key: number.wabaId, value: JSON.stringify(command), headers: { traceparent, ...more } },
    ]);
  }

  it('of a webhook reach from the request to the event; a traceparent from outside is ignored', async () => {
    const foreign = 'f'.repeat(32);
    const message = { id: wamid, from: phone, timestamp: '1763900000', type: 'text', text: { body: text } };
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
    const record = await eventually(async () => {
      const [found] = await readAll(kafkaConfigOf(platform), topics.webhooks.name);
      expect(found).toBeDefined();
      return found;
    });
    const traceId = record?.headers.traceparent?.slice(3, 35) ?? '';
    expect(traceId).not.toBe(foreign);
    await tells((source) => checkWebhookStory(source, traceId));
    expect(receiver.spans.map((span) => span.traceId)).not.toContain(foreign);
  }, 60_000);

  it('of a command reach from the publisher to the call and its projection, and its statuses link to it', async () => {
    const publisher = publisherOf('2');
    await publishCommand('trace-told', publisher);
    await tells((source) => checkCommandStory(source, 'trace-told', publisher, STATUSES));
    const [told] = await query<{ trace_id: string; took: boolean }>(
      platform.databaseUrl,
      `SELECT trace_id, started_at <= told_at AS took FROM dispatch_attempts WHERE command_id = 'trace-told'`,
    );
    expect(told).toEqual({ trace_id: publisher.traceId, took: true });
  }, 60_000);

  it('of later attempts are their own, and link to the first', async () => {
    const [retried, redriven] = [publisherOf('3'), publisherOf('4')];
    for (const code of [131016, 130429]) await platform.simulator.addFault({ times: 1, answer: { code } });
    await publishCommand('trace-retried', retried);
    await tells((source) => checkRetries(source, 'trace-retried', retried), 30_000);
    await publishCommand('trace-redriven', redriven, { [headers.redrive]: '1/1' });
    await tells((source) => checkRedrive(source, 'trace-redriven', redriven));
  }, 60_000);

  it('of a rebuild are their own, and link to what is projected again', async () => {
    const config = { DATABASE_URL: platform.databaseUrl, DATABASE_POOL_SIZE: 1 };
    const dataSource = await createDataSource(config).initialize();
    await beginRebuild(dataSource).finally(() => dataSource.destroy());
    const sent = new Set(
      receiver.spans.filter(({ name }) => name === 'send whatsapp.webhooks').map(({ spanId }) => spanId),
    );
    await eventually(() => {
      const again = receiver.spans.filter(({ attributes }) => attributes['talaria.replay'] === 'rebuild');
      expect(new Set(again.map(({ name }) => name))).toEqual(
        new Set(['project whatsapp.webhooks', 'project whatsapp.dispatches']),
      );
      expect(again.every(({ parentSpanId }) => parentSpanId === '')).toBe(true);
      const linked = new Set(again.flatMap(({ links }) => links.map(({ spanId }) => spanId)));
      expect([...sent].filter((spanId) => !linked.has(spanId))).toEqual([]);
    });
  }, 60_000);

  itInJaeger(
    'are found in Jaeger, by the command or by the webhook, as they were sent',
    async () => {
      const source = jaegerSource(jaeger?.url ?? '', services);
      expect(stories).toHaveLength(4);
      for (const story of stories) await eventually(() => story(source));
    },
    60_000,
  );

  it('hold no phone, text, token or wamid', async () => {
    const accepted = await platform.simulator.accepted();
    expect(accepted.length).toBeGreaterThan(2);
    const secrets = [phone, text, number.accessToken, wamid, ...accepted.map((one) => one.wamid)];
    for (const secret of secrets) expect(receiver.raw.join()).not.toContain(secret);
  });
});
