import { ConfigurationError, readEnvironment } from '@talaria/config';
import packageJson from '../../../package.json';
import { createLogger, logSettings, type Logger } from './logger';
import { showBuild } from './process.metrics';
import { stopTracing } from './start-tracing';

/** How long SIGTERM may take, in milliseconds: Kubernetes kills after its grace period, so we end before it does. */
const STOP_DEADLINE_MS = 10_000;

let stopping = false;

/** True from the first SIGTERM or SIGINT on. */
export function isStopping(): boolean {
  return stopping;
}

/**
 * The life of a process: start, run until SIGTERM or SIGINT, `close()` within 10 s, exit 0. A wrong environment, a failed
 * start, an unhandled error or a close that takes too long ends it with exit code 1 and one line that says why.
 * @param start brings everything up; what it returns is closed once, and must leave nothing unfinished
 */
export function runProcess(
  service: string,
  start: (logger: Logger, stop: (reason: Error) => void) => Promise<{ close(): Promise<void> }>,
): void {
  const logger = createLogger(service);
  showBuild(() => [[{ service, version: packageJson.version }, 1]]);
  const fail = (error: unknown) => {
    if (error instanceof ConfigurationError) process.stderr.write(`${service}: ${error.message}\n`);
    else logger.fatal({ err: error }, 'stopping: this process cannot keep its promises');
    process.exit(1);
  };
  process.once('uncaughtException', fail);
  process.once('unhandledRejection', fail);

  const started = Promise.resolve().then(() => {
    readEnvironment(logSettings, process.env);
    return start(logger, fail);
  });
  started.then(() => logger.info('started'), fail);

  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    setTimeout(
      () => fail(new Error(`not closed ${STOP_DEADLINE_MS} ms after ${signal}`)),
      STOP_DEADLINE_MS,
    ).unref();
    started
      .then((app) => app.close())
      .then(stopTracing)
      .then(() => {
        logger.info('stopped');
        process.exit(0);
      }, fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
