import { headers, parseRedriven, topics } from '@talaria/contracts';
import {
  contextOf,
  CONVERSATION,
  inSpan,
  isTracing,
  processAttributes,
  type Replay,
} from '@talaria/observability';
import { type SendResult } from '@talaria/whatsapp';
import {
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { type Job } from './job';
import { type Outlet, outletIn } from './outlet';

/**
 * Runs a turn of a command in a span. The first goes on in the publisher's trace; what comes later, because a call failed or a person lets it
 * be tried again, is a trace of its own, which links to the publisher's and to the call before it.
 * @param work is given the outlet in that trace
 */
export async function inTurnSpan<T>(
  job: Job,
  outlet: Outlet,
  work: (outlet: Outlet) => Promise<T>,
): Promise<T> {
  if (!isTracing()) return work(outlet);
  const { command, record, lastCall } = job;
  const replay = replayOf(job);
  const publisher = contextOf(record.headers);
  const parent = replay === undefined ? publisher : ROOT_CONTEXT;
  const options = {
    kind: SpanKind.CONSUMER,
    parent,
    links: [trace.getSpanContext(publisher), lastCall].flatMap((context) => (context ? [{ context }] : [])),
    attributes: {
      [CONVERSATION]: command.id,
      ...processAttributes(record),
      ...(replay && { 'talaria.replay': replay }),
    },
  };
  return inSpan(`process ${record.topic}`, options, async (span) => {
    const turn = (job.trace = trace.setSpan(parent, span));
    return work(outletIn(outlet, turn));
  });
}

function replayOf({ record: { topic, headers: found }, lastCall }: Job): Replay | undefined {
  const cameBack = topic !== topics.outbound.name || found[headers.place] !== undefined;
  if (cameBack || lastCall !== undefined) return 'retry';
  return parseRedriven(found) === undefined ? undefined : 'redrive';
}

/**
 * Runs a call to Meta in a CLIENT span. Its names are stable, and whose number it is stands in none of them.
 * @param work is given the span when it is recorded, for Meta to bring back
 */
export async function inCallSpan(
  job: Job,
  attempt: number,
  url: string,
  work: (span: SpanContext | undefined) => Promise<SendResult>,
): Promise<SendResult> {
  const parent = job.trace ?? ROOT_CONTEXT;
  const turn = trace.getSpan(parent);
  if (turn?.isRecording() !== true) {
    // A span goes with its parent. That there was a call is remembered all the same.
    if (turn !== undefined) job.lastCall = turn.spanContext();
    return work(undefined);
  }
  const { hostname, port } = new URL(url);
  const attributes = {
    'http.request.method': 'POST',
    'url.template': '/{version}/{phone-number-id}/messages',
    'server.address': hostname,
    'server.port': port === '' ? 443 : Number(port),
    [CONVERSATION]: job.command.id,
    'talaria.attempt': attempt,
  };
  return inSpan('POST messages', { kind: SpanKind.CLIENT, parent, attributes }, async (span) => {
    const result = await work((job.lastCall = span.spanContext()));
    tellResult(span, result);
    return result;
  });
}

function tellResult(span: Span, result: SendResult): void {
  if (result.kind === 'accepted') {
    span.setAttribute('http.response.status_code', 200);
    return;
  }
  span.setStatus({ code: SpanStatusCode.ERROR });
  const isRefused = result.kind === 'refused';
  if (isRefused) span.setAttribute('http.response.status_code', result.httpStatus);
  span.setAttribute('error.type', isRefused ? String(result.error.code) : result.kind);
}
