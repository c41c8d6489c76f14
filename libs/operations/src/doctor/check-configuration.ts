import { ConfigurationError, readEnvironment } from '@talaria/config';
import { type Check, type Found } from './finding';

/** The variables of each service, as it reads them itself. */
export type ServiceSettings = Readonly<Record<string, Parameters<typeof readEnvironment>[0]>>;

/** Whether each service would start with this environment. Values are never told. */
export function configurationCheck(services: ServiceSettings, env: NodeJS.ProcessEnv): Check {
  return {
    name: 'configuration',
    run: () =>
      Promise.resolve(Object.entries(services).flatMap(([name, specs]) => findingsOf(name, specs, env))),
  };
}

function findingsOf(subject: string, specs: ServiceSettings[string], env: NodeJS.ProcessEnv): Found[] {
  try {
    readEnvironment(specs, env);
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
