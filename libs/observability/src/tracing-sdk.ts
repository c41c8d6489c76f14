import { setTimeout as delay } from 'node:timers/promises';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { NodeSDK } from '@opentelemetry/sdk-node';

let sdk: NodeSDK | undefined;

/**
 * Starts OpenTelemetry from its standard OTEL_* variables. Without an endpoint or exporter named there, nothing is
 * started and spans cost nothing. Kafka's and HTTP's spans are made by hand: the stock instrumentations put record keys
 * (phone numbers) on spans and break the trace at every batch.
 */
export function startTracing(env: NodeJS.ProcessEnv): void {
  const wanted = [
    env.OTEL_EXPORTER_OTLP_ENDPOINT,
    env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    env.OTEL_TRACES_EXPORTER,
  ];
  if (wanted.every((value) => value === undefined || value === '')) return;
  sdk = new NodeSDK({
    instrumentations: [new PgInstrumentation({ requireParentSpan: true, enhancedDatabaseReporting: false })],
  });
  sdk.start();
}

/** A collector that does not answer must not hold up the end of the process. */
const FLUSH_MS = 1000;

/** Sends what was not sent yet, within a second. */
export async function stopTracing(): Promise<void> {
  const flushed = sdk?.shutdown().catch(() => undefined);
  await Promise.race([flushed, delay(FLUSH_MS, undefined, { ref: false })]);
}
