import { SpanKind, trace } from '@opentelemetry/api';
import { NodeSDK, tracing } from '@opentelemetry/sdk-node';
import { contextOf, inSpan, publicContext, traceHeaders } from './spans';

const exporter = new tracing.InMemorySpanExporter();
const sdk = new NodeSDK({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });

describe('spans', () => {
  beforeAll(() => sdk.start());
  afterEach(() => exporter.reset());
  afterAll(() => sdk.shutdown());

  it('are carried by record headers from one process to the next', async () => {
    const headers = await inSpan('send', { kind: SpanKind.PRODUCER }, () => Promise.resolve(traceHeaders()));
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    await inSpan('process', { kind: SpanKind.CONSUMER, parent: contextOf(headers) }, () => Promise.resolve());
    const [sent, processed] = exporter.getFinishedSpans();
    expect(processed?.spanContext().traceId).toBe(sent?.spanContext().traceId);
    expect(processed?.parentSpanContext?.spanId).toBe(sent?.spanContext().spanId);
  });

  it('of a public request are roots, whatever is active', async () => {
    await inSpan('outer', { kind: SpanKind.SERVER }, () =>
      inSpan('webhook', { kind: SpanKind.SERVER, parent: publicContext }, () => Promise.resolve()),
    );
    const webhook = exporter.getFinishedSpans().find(({ name }) => name === 'webhook');
    expect(webhook?.parentSpanContext).toBeUndefined();
  });

  it('are marked when their work fails, without what the error says', async () => {
    const failing = inSpan('call', { kind: SpanKind.CLIENT }, () =>
      Promise.reject(new TypeError('to +4915112345678')),
    );
    await expect(failing).rejects.toThrow(TypeError);
    const [span] = exporter.getFinishedSpans();
    expect(span?.attributes).toEqual({ 'error.type': 'TypeError' });
    expect(JSON.stringify([span?.status, span?.events])).not.toContain('4915112345678');
  });

  it('give no headers when nothing is traced', () => {
    expect(trace.getActiveSpan()).toBeUndefined();
    expect(traceHeaders()).toEqual({});
  });
});
