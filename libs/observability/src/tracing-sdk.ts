import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { core, NodeSDK, type tracing } from '@opentelemetry/sdk-node';
// NodeSDK reads the exporters' variables only where it is given no processor, and ours have to come first.
import { getSpanProcessorsFromEnv } from '@opentelemetry/sdk-node/build/src/utils';
import { inheritConversation } from './conversation';
import { samplerOf } from './sampler';
import { scrubSpans } from './scrub-spans';
import { shortContexts } from './short-contexts';

const pg = () => new PgInstrumentation({ requireParentSpan: true, enhancedDatabaseReporting: false });

/** A batch links to each of its records; OpenTelemetry would keep 128 of them, and silently. */
const LINKS = 10_000;

/**
 * Starts OpenTelemetry. Kafka's and HTTP's spans are made by hand: the stock instrumentations put record keys (phone numbers) on spans and
 * break the trace at every batch. Only traces are exported.
 * @throws {ConfigurationError}
 */
export function startTracing(env: NodeJS.ProcessEnv, options?: TracingOptions): NodeSDK {
  return startSdk(env, getSpanProcessorsFromEnv(undefined), options);
}

/** Of one of our programs; OTEL_SERVICE_NAME wins. */
function serviceName(env: NodeJS.ProcessEnv, program = process.argv[1] ?? ''): { serviceName?: string } {
  const [, app] = /apps\/([a-z]+)\/src\/main\.js$/.exec(program) ?? [];
  return app === undefined || env.OTEL_SERVICE_NAME ? {} : { serviceName: `talaria-${app}` };
}

export type TracingOptions = {
  /**
   * False: whoever makes spans hands their contexts on (see {@link shortContexts}), and statements of the database have none. For where
   * there are many, and each costs. Default: true.
   */
  readonly lastingContexts?: boolean;
};

/** @param exporting what becomes of the spans, when ours have seen to them */
export function startSdk(
  env: NodeJS.ProcessEnv,
  exporting: readonly tracing.SpanProcessor[],
  { lastingContexts = true }: TracingOptions = {},
): NodeSDK {
  const sdk = new NodeSDK({
    ...(lastingContexts ? { instrumentations: [pg()] } : { contextManager: shortContexts() }),
    ...serviceName(env),
    sampler: samplerOf(env),
    spanProcessors: exporting.length === 0 ? [] : [inheritConversation, scrubSpans, ...exporting],
    ...(!env.OTEL_SPAN_LINK_COUNT_LIMIT && { spanLimits: { linkCountLimit: LINKS } }),
    // What records carry is `traceparent`, and nothing else is taken from them: a publisher's baggage may say anything of anybody.
    textMapPropagator: new core.W3CTraceContextPropagator(),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return sdk;
}
