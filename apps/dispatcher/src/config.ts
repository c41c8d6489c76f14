import { readEnvironment } from '@talaria/config';
import { dispatcherSettings } from '@talaria/settings';

export type DispatcherConfig = ReturnType<typeof readConfig>;

export function readConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(dispatcherSettings, env);
}
