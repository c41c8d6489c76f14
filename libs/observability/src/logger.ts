import { type LoggerService } from '@nestjs/common';
import { oneOf } from '@talaria/config';
import { trace } from '@opentelemetry/api';
import { readError } from './read-error';
import pino, { type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Names under which tokens, phones or text could reach a log line by accident. They are cut out wherever they stand, two levels deep. */
const SECRET_FIELDS = [
  'accessToken',
  'access_token',
  'appSecret',
  'authorization',
  'body',
  'from',
  'key',
  'password',
  'phone',
  'recipient',
  'text',
  'to',
  'token',
  'value',
  'wa_id',
];

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The variable of every process's log. */
export const logSettings = {
  LOG_LEVEL: oneOf(...logLevels)({ default: 'info', desc: 'how much is logged' }),
};

/** Of each process's log, what was made of it with `child`: pino gives them a level of their own. */
const families = new WeakMap<Logger, Set<WeakRef<Logger>>>();

/**
 * The process's log: JSON lines on standard output, with the ids of the active trace. Level by LOG_LEVEL (default info).
 * Ids (command id, delivery id, a wamid's hash) belong in it; tokens, phone numbers and message text never do.
 */
export function createLogger(
  service: string,
  level = process.env.LOG_LEVEL ?? 'info',
  destination?: DestinationStream,
): Logger {
  const family = new Set<WeakRef<Logger>>();
  const options: pino.LoggerOptions = {
    onChild(child) {
      for (const ref of family) if (ref.deref() === undefined) family.delete(ref);
      family.add(new WeakRef(child));
    },
    serializers: { err: readError },
    level: level in pino.levels.values || level === 'silent' ? level : 'info',
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '[redacted]',
    },
    mixin: () => {
      const span = trace.getActiveSpan()?.spanContext();
      return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
    },
  };
  const logger = destination === undefined ? pino(options) : pino(options, destination);
  families.set(logger, family);
  return logger;
}

/** For a log that `createLogger` made, and all that was made of it. */
export function setLevel(logger: Logger, level: string): void {
  logger.level = level;
  for (const ref of families.get(logger) ?? []) {
    const child = ref.deref();
    if (child !== undefined) child.level = level;
  }
}

const plain = new WeakMap<Logger, Logger>();

/**
 * The same log, for lines of which there is one for each message: it does not look for what must not be logged, which takes ten times as long as
 * writing. Give it ids, codes and figures alone.
 */
export function wideLog(logger: Logger): Logger {
  let found = plain.get(logger);
  if (found === undefined) plain.set(logger, (found = logger.child({}, { redact: [] })));
  return found;
}

/** Lets Nest's own lines go through our log; its start-up chatter becomes debug. */
export function nestLogger(logger: Logger): LoggerService {
  const fields = (rest: unknown[]) => ({ context: rest.at(-1) });
  return {
    log: (message: unknown, ...rest: unknown[]) => logger.debug(fields(rest), String(message)),
    error: (message: unknown, ...rest: unknown[]) => logger.error(fields(rest), String(message)),
    warn: (message: unknown, ...rest: unknown[]) => logger.warn(fields(rest), String(message)),
    debug: (message: unknown, ...rest: unknown[]) => logger.debug(fields(rest), String(message)),
    verbose: (message: unknown, ...rest: unknown[]) => logger.trace(fields(rest), String(message)),
    fatal: (message: unknown, ...rest: unknown[]) => logger.fatal(fields(rest), String(message)),
  };
}
