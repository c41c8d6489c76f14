import { type Logger, logLevels, setLevel } from './logger';

/** How much the process logs, changed while it runs. */
export type LogLevels = {
  state(): LevelState;
  /** @returns why not, when it is not a level; nothing has changed then */
  set(level: unknown): string | undefined;
};

export type LevelState = {
  readonly level: string;
  /** ISO 8601, when it is as LOG_LEVEL says again; absent while it is. */
  readonly until?: string;
};

/** Nobody remembers to set it back. */
const FOR_MS = 60 * 60 * 1000;

/** Changes last for an hour, or until the process ends; then it is as it was. */
export function createLogLevels(logger: Logger, forMs = FOR_MS): LogLevels {
  const usual = logger.level;
  let until: Date | undefined;
  let end: NodeJS.Timeout | undefined;

  function reset(): void {
    until = undefined;
    tell(usual);
  }

  /** At a level of its own, so that it is in the log whatever the level is. */
  function tell(level: string): void {
    const from = logger.level;
    setLevel(logger, 'info');
    logger.info({ from, to: level, until: until?.toISOString() }, 'the log level was changed');
    setLevel(logger, level);
  }

  return {
    state: () => ({ level: logger.level, ...(until && { until: until.toISOString() }) }),
    set(wanted) {
      const level = logLevels.find((one) => one === wanted);
      if (level === undefined) return `"level" must be one of ${logLevels.join(', ')}`;
      clearTimeout(end);
      until = level === usual ? undefined : new Date(Date.now() + forMs);
      if (until !== undefined) end = setTimeout(reset, forMs).unref();
      tell(level);
      return undefined;
    },
  };
}
