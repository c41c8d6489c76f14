import { port, readEnvironment } from '@talaria/config';
import { databaseSettings } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';

export const settings = {
  ...kafkaSettings,
  ...databaseSettings,
  HTTP_PORT: port({ default: 3001, desc: 'where health is served' }),
  METRICS_PORT: port({ default: 9464, desc: 'where /metrics is served; never route it publicly' }),
};

export type ProcessorConfig = ReturnType<typeof readConfig>;

export function readConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(settings, env);
}
