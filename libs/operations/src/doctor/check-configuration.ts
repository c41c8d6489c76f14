import { ConfigurationError } from '@talaria/config';
import { type Check, type Found } from './finding';

/** Reads the environment of each service as it does itself. @throws {ConfigurationError} */
export type ServiceSettings = Readonly<Record<string, (env: NodeJS.ProcessEnv) => unknown>>;

/** Whether each service would start with this environment. Values are never told. */
export function configurationCheck(services: ServiceSettings, env: NodeJS.ProcessEnv): Check {
  return {
    name: 'configuration',
    run: () =>
      Promise.resolve(Object.entries(services).flatMap(([name, read]) => findingsOf(name, read, env))),
  };
}

function findingsOf(subject: string, read: ServiceSettings[string], env: NodeJS.ProcessEnv): Found[] {
  try {
    read(env);
    return [{ subject, result: 'ok', found: 'every variable is there and well formed' }];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return Object.entries(error.faults).map(([variable, fault]) => ({
      subject,
      result: 'failed',
      found: `${variable} ${fault}`,
      remedy: `set ${variable}, or ${variable}_FILE to a file that holds it: docs/reference/configuration.md`,
    }));
  }
}
