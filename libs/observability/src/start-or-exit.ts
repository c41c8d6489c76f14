import { ConfigurationError } from '@talaria/config';
import { startTracing, type TracingOptions } from './tracing-sdk';

/** Before anything else of a program: what is wrong with its variables is one line, and no stack. */
export function startTracingOrExit(options?: TracingOptions): void {
  try {
    startTracing(process.env, options);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
