import { port } from '@talaria/config';
import { databaseSettings } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';

/** What processor reads from its environment. */
export const processorSettings = {
  ...kafkaSettings,
  ...databaseSettings,
  HTTP_PORT: port({ default: 3001, desc: 'where health is served' }),
  METRICS_PORT: port({ default: 9464, desc: 'where /metrics is served; never route it publicly' }),
};
