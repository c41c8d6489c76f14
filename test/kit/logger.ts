import { createLogger } from '@talaria/observability';

/** Says nothing, unless LOG_LEVEL asks. */
export const testLogger = createLogger('test', process.env.LOG_LEVEL ?? 'silent');
