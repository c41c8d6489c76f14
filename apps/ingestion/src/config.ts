import { readEnvironment } from '@talaria/config';
import { ingestionCombinations, ingestionSettings } from '@talaria/settings';

export type IngestionConfig = ReturnType<typeof readConfig>;

export function readConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(ingestionSettings, env, ingestionCombinations);
}
