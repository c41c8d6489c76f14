import { port } from '@talaria/config';
import { databaseSettings } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';

/** What processor reads from its environment. */
export const processorSettings = {
  ...kafkaSettings,
  ...databaseSettings,
  METRICS_PORT: port({
    default: 9464,
    desc: 'where /metrics, /health and /log-level are served; never route it publicly',
  }),
};
