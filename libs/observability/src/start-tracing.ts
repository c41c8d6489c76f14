import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '@talaria/config';
import type * as TracingSdk from './tracing-sdk';

let sdk: { shutdown(): Promise<void> } | undefined;

/**
 * Before anything else of a program: starts OpenTelemetry from its standard OTEL_* variables. Without an endpoint or exporter named there,
 * nothing is started or even loaded, and spans cost nothing. What is wrong with the variables is one line, and no stack.
 */
export function startTracingOrExit(options?: TracingSdk.TracingOptions): void {
  const wanted = [
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
    process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    process.env.OTEL_TRACES_EXPORTER,
  ];
  if (wanted.every((value) => value === undefined || value === '')) return;
  // A thousand files, a third of what a program loads as it starts; at once, since only what is loaded after it can be traced.
  const { startTracing } = createRequire(__filename)('./tracing-sdk') as typeof TracingSdk;
  try {
    sdk = startTracing(process.env, options);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** A collector that does not answer must not hold up the end of the process. */
const FLUSH_MS = 1000;

/** Sends what was not sent yet, within a second. */
export async function stopTracing(): Promise<void> {
  const flushed = sdk?.shutdown().catch(() => undefined);
  await Promise.race([flushed, delay(FLUSH_MS, undefined, { ref: false })]);
}
