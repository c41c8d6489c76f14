import { propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { tracing } from '@opentelemetry/sdk-node';
import {
  contextOf,
  CONVERSATION,
  inBatchSpans,
  inSpan,
  publicContext,
  sendInSpan,
  traceHeaders,
} from './spans';
import { startSdk } from './tracing-sdk';

const exporter = new tracing.InMemorySpanExporter();
const spanNamed = (name: string) => {
  const found = exporter.getFinishedSpans().find((span) => span.name === name);
  if (found === undefined) throw new Error(`no span ${name}`);
  return found;
};
const origin = (n: number, flags = '01') => ({
  traceparent: `00-${String(n).padStart(32, 'a')}-${'b'.repeat(16)}-${flags}`,
});
const aRecord = (offset: number, headers: Record<string, string> = origin(offset)) => ({
  topic: 'whatsapp.webhooks',
  partition: 3,
  offset,
  headers,
});

it('give no headers when nothing is traced, and cost no thought', async () => {
  expect(traceHeaders()).toEqual({});
  const about = jest.fn();
  expect(await inBatchSpans('t', [aRecord(1)], { about }, (contexts) => Promise.resolve(contexts))).toEqual(
    [],
  );
  expect(about).not.toHaveBeenCalled();
});

describe('spans', () => {
  let sdk: ReturnType<typeof startSdk>;

  beforeAll(() => {
    sdk = startSdk({}, [new tracing.SimpleSpanProcessor(exporter)]);
  });
  afterEach(() => exporter.reset());
  afterAll(() => sdk.shutdown());

  it('are carried by record headers from one process to the next', async () => {
    const headers = await inSpan('outer', { kind: SpanKind.SERVER }, () =>
      sendInSpan('whatsapp.webhooks', trace.setSpan(ROOT_CONTEXT, trace.getActiveSpan()!), (traced) =>
        Promise.resolve(traced),
      ),
    );
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    await inSpan('process', { kind: SpanKind.CONSUMER, parent: contextOf(headers) }, () => Promise.resolve());
    const [outer, sent, processed] = ['outer', 'send whatsapp.webhooks', 'process'].map(spanNamed);
    expect(sent?.kind).toBe(SpanKind.PRODUCER);
    expect(sent?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(processed?.parentSpanContext?.spanId).toBe(sent?.spanContext().spanId);
    expect(processed?.spanContext().traceId).toBe(outer?.spanContext().traceId);
  });

  it('that are not recorded do their work all the same, and fail with it', async () => {
    const options = { kind: SpanKind.SERVER, parent: contextOf(origin(1, '00')) };
    expect(await inSpan('quiet', options, () => Promise.resolve(traceHeaders().traceparent))).toMatch(/-00$/);
    await expect(inSpan('quiet', options, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('that are not sampled are carried as that, and those sent in no trace carry none', async () => {
    const unsampled = contextOf(origin(1, '00'));
    const send = (headers: Readonly<Record<string, string>>) => Promise.resolve(headers);
    expect(await sendInSpan('t', unsampled, send)).toEqual(origin(1, '00'));
    expect(await sendInSpan('t', ROOT_CONTEXT, send)).toEqual({});
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it("take nothing but the trace from a record: a publisher's baggage goes no further", async () => {
    const parent = contextOf({ ...origin(1), baggage: 'customer=4915112345678' });
    const headers = await inSpan('process', { kind: SpanKind.CONSUMER, parent }, () =>
      Promise.resolve(traceHeaders()),
    );
    expect(Object.keys(headers)).toEqual(['traceparent']);
    expect(propagation.getBaggage(parent)).toBeUndefined();
  });

  it('of a public request are roots, whatever is active', async () => {
    await inSpan('outer', { kind: SpanKind.SERVER }, () =>
      inSpan('webhook', { kind: SpanKind.SERVER, parent: publicContext }, () => Promise.resolve()),
    );
    expect(spanNamed('webhook').parentSpanContext).toBeUndefined();
  });

  it('are marked when their work fails, without what the error says', async () => {
    const failing = inSpan('call', { kind: SpanKind.CLIENT }, () =>
      Promise.reject(new TypeError('to +4915112345678')),
    );
    await expect(failing).rejects.toThrow(TypeError);
    const span = spanNamed('call');
    expect(span.attributes).toEqual({ 'error.type': 'TypeError' });
    expect(JSON.stringify([span.status, span.events])).not.toContain('4915112345678');
  });

  it("of a command's story have its id, whoever makes them", async () => {
    const attributes = { [CONVERSATION]: 'order-7' };
    await inSpan('process', { kind: SpanKind.CONSUMER, attributes }, () =>
      inSpan('call', { kind: SpanKind.CLIENT }, () =>
        inSpan('statement', { kind: SpanKind.CLIENT }, () => Promise.resolve()),
      ),
    );
    expect(exporter.getFinishedSpans().map((span) => span.attributes)).toEqual(Array(3).fill(attributes));
  });

  it('of a batch of 200 keep 200 links, and each record is processed in its own trace', async () => {
    const records = Array.from({ length: 200 }, (_, offset) => aRecord(offset));
    const about = ({ offset }: { offset: number }) => ({ commandId: `c-${offset}` });
    const contexts = await inBatchSpans('whatsapp.webhooks', records, { about }, (given) =>
      Promise.resolve(given),
    );
    const batch = spanNamed('project whatsapp.webhooks');
    expect(batch.parentSpanContext).toBeUndefined();
    expect(batch.links.map(({ context }) => context.traceId)).toEqual(
      records.map(({ offset }) => origin(offset).traceparent.slice(3, 35)),
    );
    expect(batch.links[7]?.attributes).toEqual({ [CONVERSATION]: 'c-7' });
    const each = exporter.getFinishedSpans().filter(({ name }) => name === 'process whatsapp.webhooks');
    expect(each).toHaveLength(200);
    expect(trace.getSpanContext(contexts[7]!)).toEqual(each[7]!.spanContext());
    expect(each[7]!.spanContext().traceId).toBe(batch.links[7]!.context.traceId);
    expect(each[7]!.links.map(({ context }) => context.traceId)).toEqual([
      batch.links[7]!.context.traceId,
      batch.spanContext().traceId,
    ]);
    expect(each[7]!.attributes).toMatchObject({ 'messaging.kafka.offset': 7, [CONVERSATION]: 'c-7' });
  });

  it('of a rebuild add nothing to traces that are over', async () => {
    const options = { about: () => ({}), replay: 'rebuild' } as const;
    await inBatchSpans('whatsapp.webhooks', [aRecord(1), aRecord(2)], options, () => Promise.resolve());
    const [only, ...others] = exporter.getFinishedSpans();
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      name: 'project whatsapp.webhooks',
      attributes: { 'talaria.replay': 'rebuild' },
    });
    expect(only?.parentSpanContext).toBeUndefined();
    expect(only?.links).toHaveLength(2);
  });

  it('of a record that is re-driven are a root that links to where it came from', async () => {
    const about = () => ({ replay: 'redrive' as const });
    await inBatchSpans('whatsapp.webhooks', [aRecord(1)], { about }, () => Promise.resolve());
    const span = spanNamed('process whatsapp.webhooks');
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.links[0]?.context.traceId).toBe(origin(1).traceparent.slice(3, 35));
    expect(span.attributes['talaria.replay']).toBe('redrive');
  });

  it('of every record of a batch are marked when it fails', async () => {
    const failing = inBatchSpans('t', [aRecord(1), aRecord(2)], { about: () => ({}) }, () =>
      Promise.reject(new RangeError()),
    );
    await expect(failing).rejects.toThrow(RangeError);
    expect(exporter.getFinishedSpans().map((span) => span.attributes['error.type'])).toEqual(
      Array(3).fill('RangeError'),
    );
  });
});
