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
  type SpanContext,
  SpanKind,
} from '@opentelemetry/api';

const tracer = trace.getTracer('talaria');

/** On every span of a command's story: its id, by which Jaeger finds them all. */
export const CONVERSATION = 'messaging.message.conversation_id';

export type SpanOptions = {
  readonly kind: SpanKind;
  readonly attributes?: Attributes;
  /** Here, and not added later: what is sampled is decided by them. */
  readonly links?: Link[];
  /** The span's parent; default is the active one. */
  readonly parent?: Context;
};

/** Whether anybody listens; if not, spans need not even be described. */
export function isTracing(): boolean {
  return propagation.fields().length > 0;
}

/** Runs `work` inside a span, which ends with it and is marked as failed when it throws. */
export function inSpan<T>(
  name: string,
  { kind, attributes, links, parent = context.active() }: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const options = { kind, ...(attributes && { attributes }), ...(links && { links }) };
  // One that is not recorded has no end to be told, and what waits for it costs as much as the rest of it.
  return tracer.startActiveSpan(name, options, parent, (span) =>
    span.isRecording() ? endedWith(span, work) : work(span),
  );
}

async function endedWith<T>(span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await work(span);
  } catch (error) {
    markFailed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** The active trace as record headers (`traceparent`, `tracestate`); empty when nothing is traced. */
export function traceHeaders(active = context.active()): Record<string, string> {
  const headers: Record<string, string> = {};
  if (trace.getSpan(active) === undefined) return headers;
  propagation.inject(active, headers);
  return headers;
}

/**
 * Sends a record to a topic in a PRODUCER span, which is what the record's headers name.
 * @param within the trace that it belongs to; without one no span is made, and one that is not sampled is passed on as that
 * @param send is given headers for the record
 */
export function sendInSpan<T>(
  topic: string,
  within: Context,
  send: (headers: Readonly<Record<string, string>>) => Promise<T>,
  attributes?: Attributes,
): Promise<T> {
  if (trace.getSpan(within)?.isRecording() !== true) return send(traceHeaders(within));
  const described = { ...sendAttributes(topic), ...attributes };
  const span = tracer.startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes: described }, within);
  const sent = send(traceHeaders(trace.setSpan(within, span)));
  sent.then(
    () => span.end(),
    (error: unknown) => {
      markFailed(span, error);
      span.end();
    },
  );
  return sent;
}

/** OpenTelemetry's attributes of the span that sends a record. */
export function sendAttributes(topic: string): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': topic,
  };
}

/** When it is recorded. */
export function traceIdOf(traced: Context = ROOT_CONTEXT): string | undefined {
  const span = trace.getSpanContext(traced);
  return span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0 ? span.traceId : undefined;
}

/** The context that record headers carry, or the root. */
export function contextOf(headers: Readonly<Record<string, string | undefined>>): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Links to what record headers carry: one, or none. */
export function linksTo(headers: Readonly<Record<string, string | undefined>>): Link[] {
  const context = trace.getSpanContext(contextOf(headers));
  return context === undefined ? [] : [{ context }];
}

/**
 * The link of what tells of a message to the call that sent it.
 * @param call brought back by Meta; only what is recorded is sent along
 */
export function linkToCall(commandId: string, call: Pick<SpanContext, 'traceId' | 'spanId'>): Link {
  return {
    context: { ...call, traceFlags: TraceFlags.SAMPLED, isRemote: true },
    attributes: { 'talaria.link': 'status_of', [CONVERSATION]: commandId },
  };
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

/** Why something is done once more; on spans as `talaria.replay`. What is told once more is a trace of its own, which links to the first. */
export type Replay = 'retry' | 'redrive' | 'rebuild';

/** What the span that processes a record tells beside where it lay. */
export type AboutRecord = {
  readonly commandId?: string | undefined;
  readonly links?: readonly Link[];
  readonly replay?: Replay | undefined;
};

/**
 * Runs what is done with a batch of records. What serves all of them is in one span, the root of a trace of its own, which links to each
 * record's; and each record has a span in its own trace, which lasts as long.
 * @param replay all of it is done once more: then no record has a span in a trace that is over
 * @param work is given the context of each record's span, in their order; of none when nothing is traced
 */
export async function inBatchSpans<Record extends TracedRecord, T>(
  topic: string,
  records: readonly Record[],
  {
    about,
    replay,
  }: { readonly about: (record: Record) => AboutRecord; readonly replay?: Replay | undefined },
  work: (contexts: readonly Context[]) => Promise<T>,
): Promise<T> {
  if (!isTracing()) return work([]);
  const all = records.map((record) => ({ record, told: about(record), origin: linksTo(record.headers) }));
  const attributes = {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'project',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.batch.message_count': records.length,
    ...(replay && { 'talaria.replay': replay }),
  };
  const links = all.flatMap(({ told, origin }) => {
    const attributesOf = { ...(told.commandId !== undefined && { [CONVERSATION]: told.commandId }) };
    return origin.map((link) => ({ ...link, attributes: attributesOf }));
  });
  const options = { kind: SpanKind.CONSUMER, parent: ROOT_CONTEXT, links, attributes };
  return inSpan(`project ${topic}`, options, async (batch) => {
    if (replay !== undefined) return work([]);
    const ofBatch = { context: batch.spanContext() };
    const spans = all.map(({ record, told, origin }) =>
      startProcessSpan(record, told, [...origin, ofBatch, ...(told.links ?? [])]),
    );
    try {
      return await work(spans.map((span) => trace.setSpan(ROOT_CONTEXT, span)));
    } catch (error) {
      for (const span of spans) markFailed(span, error);
      throw error;
    } finally {
      for (const span of spans) span.end();
    }
  });
}

function startProcessSpan(record: TracedRecord, { commandId, replay }: AboutRecord, links: Link[]): Span {
  const attributes = {
    ...processAttributes(record),
    ...(commandId !== undefined && { [CONVERSATION]: commandId }),
    ...(replay && { 'talaria.replay': replay }),
  };
  const parent = replay === undefined ? contextOf(record.headers) : ROOT_CONTEXT;
  const options = { kind: SpanKind.CONSUMER, attributes, links };
  return tracer.startSpan(`process ${record.topic}`, options, parent);
}

/** Marks a span as failed, without what the error says: that may quote anything. */
export function markFailed(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
}
