import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Span,
  SpanKind,
} from '@opentelemetry/api';

const tracer = trace.getTracer('talaria');

export type SpanOptions = {
  readonly kind: SpanKind;
  readonly attributes?: Attributes;
  readonly links?: Link[];
  /** The span's parent; default is the active one. */
  readonly parent?: Context;
};

/** Runs `work` inside a span, which ends with it and is marked as failed when it throws. */
export async function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const { kind, attributes, links, parent = context.active() } = options;
  return tracer.startActiveSpan(
    name,
    { kind, ...(attributes && { attributes }), ...(links && { links }) },
    parent,
    async (span) => {
      try {
        return await work(span);
      } catch (error) {
        markFailed(span, error);
        throw error;
      } finally {
        span.end();
      }
    },
  );
}

/** The active trace as record headers (`traceparent`, `tracestate`); empty when nothing is traced. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  if (trace.getActiveSpan() === undefined) return headers;
  propagation.inject(context.active(), headers);
  return headers;
}

/** Of the active trace, when it is recorded. */
export function activeTraceId(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  return span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0 ? span.traceId : undefined;
}

/** The context that record headers carry, or the root. */
export function contextOf(headers: Readonly<Record<string, string | undefined>>): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Where no public header may set the trace: the context of a request from the internet. */
export const publicContext: Context = ROOT_CONTEXT;

/** A record, as far as spans tell of it: never its key or value. */
export type TracedRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: Readonly<Record<string, string>>;
};

/** OpenTelemetry's attributes of the span that processes a record. */
export function processAttributes({ topic, partition, offset }: TracedRecord): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.kafka.offset': offset,
  };
}

/**
 * Begins a span for each record of a batch, in the trace that the record's headers carry: what happens to the batch happens to each of them.
 * @returns ends them all
 */
export function startProcessSpans(records: readonly TracedRecord[]): (error?: unknown) => void {
  const spans = records.map((record) =>
    tracer.startSpan(
      `process ${record.topic}`,
      { kind: SpanKind.CONSUMER, attributes: processAttributes(record) },
      contextOf(record.headers),
    ),
  );
  return (error) => {
    for (const span of spans) {
      if (error !== undefined) markFailed(span, error);
      span.end();
    }
  };
}

function markFailed(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
}
