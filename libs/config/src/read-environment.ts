import { readFileSync } from 'node:fs';
import { customCleanEnv, EnvMissingError, type CleanedEnv } from 'envalid';

/** Every fault of the environment at once, each by the name of its variable. Its message is meant for a person. */
export class ConfigurationError extends Error {
  constructor(readonly faults: Readonly<Record<string, string>>) {
    const lines = Object.entries(faults).map(([variable, fault]) => `  ${variable} ${fault}`);
    super(
      `The environment is not right. Correct ${lines.length === 1 ? 'this' : 'these'}:\n${lines.join('\n')}`,
    );
    this.name = 'ConfigurationError';
  }
}

type Specs = Parameters<typeof customCleanEnv>[1];

/** All values that are well formed, by their variables. */
export type Values = Readonly<Record<string, unknown>>;

type FaultAmong = (all: Values) => string | undefined;

/**
 * A setting that can also be wrong because of what others are. It is asked wherever the setting is read, when its own value, if it has one, is well formed.
 * @param faultAmong what is wrong with it beside these values, not repeating any; undefined when nothing is
 */
export const among = <S extends object>(spec: S, faultAmong: FaultAmong): S => ({ ...spec, faultAmong });

/** What `readEnvironment` makes of these specs. */
export type Environment<S extends Specs> = Readonly<CleanedEnv<S>>;

/** Faults of variables that are wrong only together with others, by whether each is set. */
export type Combinations<S extends Specs> = (
  isSet: (variable: keyof S & string) => boolean,
) => Readonly<Record<string, string>>;

/**
 * Reads the named variables into one frozen object. A variable that is empty counts as not set. For each variable
 * `X` the variable `X_FILE` may name a file that holds the value instead, as mounted secrets do; a newline at its end is left out.
 * @param combinations asked beside what is wrong with each
 * @throws {ConfigurationError} naming every variable that is missing or wrong
 */
export function readEnvironment<S extends Specs>(
  specs: S,
  env: NodeJS.ProcessEnv,
  combinations: Combinations<S> = () => ({}),
): Environment<S> {
  const faults: Record<string, string> = {};
  const values: Record<string, string | undefined> = {};
  for (const variable of Object.keys(specs as object)) {
    try {
      values[variable] = valueOf(variable, env);
    } catch (error) {
      faults[variable] = error instanceof Error ? error.message : String(error);
    }
  }
  const config = customCleanEnv(values, specs, (cleaned) => cleaned, {
    reporter: ({ errors }) => {
      for (const [variable, error] of Object.entries<Error>(errors as Record<string, Error>)) {
        faults[variable] ??=
          error instanceof EnvMissingError ? `is missing: ${error.message}` : error.message;
      }
    },
  });
  for (const [variable, spec] of Object.entries(
    specs as Record<string, { readonly faultAmong?: FaultAmong }>,
  )) {
    if (variable in faults) continue;
    const fault = spec.faultAmong?.(config);
    if (fault !== undefined) faults[variable] = fault;
  }
  // One whose file cannot be read is set, too.
  const isSet = (variable: string) => !(variable in values) || values[variable] !== undefined;
  for (const [variable, fault] of Object.entries(combinations(isSet))) faults[variable] ??= fault;
  if (Object.keys(faults).length > 0) throw new ConfigurationError(faults);
  return Object.freeze(config);
}

function valueOf(variable: string, env: NodeJS.ProcessEnv): string | undefined {
  const direct = env[variable]?.trim() === '' ? undefined : env[variable];
  const file = env[`${variable}_FILE`];
  if (file === undefined || file === '') return direct;
  if (direct !== undefined) throw new Error(`is set twice: as itself and by ${variable}_FILE; keep one`);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new Error(
      `cannot be read from the file that ${variable}_FILE names (${(cause as NodeJS.ErrnoException).code})`,
      {
        cause,
      },
    );
  }
}
