import { readEnvironment } from '@talaria/config';
import { processorSettings } from '@talaria/settings';

export type ProcessorConfig = ReturnType<typeof readConfig>;

export function readConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(processorSettings, env);
}
