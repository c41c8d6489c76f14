import { isDeepStrictEqual } from 'node:util';
import { databaseSettings } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';
import { logSettings } from '@talaria/observability';
import { topicSettings } from '@talaria/operations';
import { secretsSettings } from '@talaria/registry';
import { ingestionCombinations } from '@talaria/settings';
import { simulatorSettings } from '../../apps/simulator/src/config';
import { apps } from '../docs/configuration';

/** What of the image is started: one of the apps, or the command. */
export type Program = 'ingestion' | 'processor' | 'dispatcher' | 'simulator' | 'talaria';

/** A variable as the code declares it. */
export type DeclaredVariable = {
  readonly name: string;
  /** The program does not start without it, or without the variable with `_FILE` behind its name. Of the command each verb asks for its own: none is. */
  readonly required: boolean;
  /** As the program sees it: a duration in milliseconds, for example. Undefined when there is none. */
  readonly default: unknown;
  /** What the program would make of a text. @throws {Error} when it would refuse it */
  readonly read: (text: string) => unknown;
};

type Setting = { readonly default?: unknown; readonly _parse: (text: string) => unknown };
type Settings = Readonly<Record<string, Setting>>;

/** What single verbs of the command ask for besides. */
const { GRAPH_API_URL, GRAPH_API_VERSION, GRAPH_API_TIMEOUT } = apps.dispatcher;
const { WHATSAPP_APP_SECRET } = apps.ingestion;
const verbs = { GRAPH_API_URL, GRAPH_API_VERSION, GRAPH_API_TIMEOUT, WHATSAPP_APP_SECRET };

const settingsOf: Readonly<Record<Program, Settings>> = {
  ingestion: { ...apps.ingestion, ...logSettings },
  processor: { ...apps.processor, ...logSettings },
  dispatcher: { ...apps.dispatcher, ...logSettings },
  simulator: { ...simulatorSettings, ...logSettings },
  talaria: {
    ...kafkaSettings,
    ...topicSettings,
    ...databaseSettings,
    ...secretsSettings,
    ...verbs,
    ...logSettings,
  },
};

/** Variables that are not ours, and that every program of the image understands. */
const foreign = /^(OTEL_[A-Z_]+|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|TZ)$/;

/** Each variable that a program declares, by its name. */
export function declaredVariables(program: Program): ReadonlyMap<string, DeclaredVariable> {
  return new Map(
    Object.entries(settingsOf[program]).map(([name, setting]) => [
      name,
      {
        name,
        required: program !== 'talaria' && !('default' in setting),
        default: setting.default,
        read: (text) => setting._parse(text),
      },
    ]),
  );
}

/** What a manifest gives a program. A value of undefined is one that is not known here, as that of a secret. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What is wrong with the environment that a manifest gives a program, a line for each fault: a variable that it does not know, a
 * required one that is missing, a value that it would refuse.
 */
export function faultsOf(program: Program, environment: Environment): string[] {
  const declared = declaredVariables(program);
  const given = new Set(Object.keys(environment).flatMap((name) => [name, name.replace(/_FILE$/, '')]));
  const missing = [...declared.values()].filter(({ name, required }) => required && !given.has(name));
  const together = program === 'ingestion' ? ingestionCombinations((name) => given.has(name)) : {};
  return [
    ...missing.map(({ name }) => `${program}: ${name} is missing`),
    ...Object.entries(together).map(([name, fault]) => `${program}: ${name} ${fault}`),
    ...Object.entries(environment).flatMap(([name, value]) => faultOf(program, name, value, declared) ?? []),
  ];
}

/** The variables that a manifest sets to something else than the program would take by itself: each should have a reason. */
export function otherThanDefault(program: Program, environment: Environment): Record<string, string> {
  const declared = declaredVariables(program);
  const isOther = ([name, value]: [string, string | undefined]): boolean => {
    const variable = declared.get(name);
    if (variable?.default === undefined || value === undefined || value === '') return false;
    return !isDeepStrictEqual(variable.read(value), variable.default);
  };
  return Object.fromEntries(Object.entries(environment).filter(isOther)) as Record<string, string>;
}

function faultOf(
  program: Program,
  name: string,
  value: string | undefined,
  declared: ReadonlyMap<string, DeclaredVariable>,
): string | undefined {
  if (foreign.test(name)) return undefined;
  const variable = declared.get(name);
  if (!variable && !declared.has(name.replace(/_FILE$/, ''))) return `${program}: ${name} is not known to it`;
  if (!variable || value === undefined || value === '') return undefined;
  try {
    variable.read(value);
    return undefined;
  } catch (error) {
    return `${program}: ${name} ${error instanceof Error ? error.message : String(error)}`;
  }
}
