import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryRoot } from '../stack/repository';
import { type Environment, type Program } from './declared-variables';

/** What docker-compose.yml, .env.example and the Dockerfile say, as far as tests hold it to the code. */

export type Service = {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number | null>>;
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly restart?: string;
  readonly build?: { readonly args: Readonly<Record<string, string>> };
  readonly deploy?: { readonly resources: { readonly limits: { readonly memory: string } } };
};

export const readRepositoryFile = (name: string) => readFileSync(join(repositoryRoot(), name), 'utf8');

export function composeServices(): Readonly<Record<string, Service>> {
  const file = parse(readRepositoryFile('docker-compose.yml'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
  };
  return file.services;
}

/** A variable of .env that docker-compose.yml asks for: with a default, or without, and then nothing starts while it is empty. */
export type Asked = { readonly name: string; readonly default?: string };

const reference = /\$\{([A-Z_]+)(?::-([^}]*)|:\?[^}]*)\}/g;

export function askedBy(text: string): Asked[] {
  return [...text.matchAll(reference)].map(([, name = '', value]) =>
    value === undefined ? { name } : { name, default: value },
  );
}

/** Of a text of docker-compose.yml, with what it takes by itself; undefined when it holds something without a default. */
export function withDefaults(text: string): string | undefined {
  return askedBy(text).some((asked) => asked.default === undefined)
    ? undefined
    : text.replaceAll(reference, (_, _name, value: string) => value);
}

/** What of our image a service runs; undefined when it runs another. */
export function programOf(name: string, { image, command = [] }: Service): Program | undefined {
  if (!image.startsWith('${TALARIA_IMAGE')) return undefined;
  return (name === 'talaria' ? name : command[0]) as Program;
}

export function environmentOf({ environment = {} }: Service): Environment {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, withDefaults(String(value ?? ''))]),
  );
}

/** The lines of .env.example: what it sets, and, behind `#`, what is taken where it does not. */
export function exampleVariables(): { readonly set: Environment; readonly defaults: Environment } {
  const text = readRepositoryFile('.env.example');
  const pairs = (form: RegExp): Environment =>
    Object.fromEntries([...text.matchAll(form)].map(([, name = '', value = '']) => [name, value]));
  return { set: pairs(/^([A-Z_]+)=(.*)$/gm), defaults: pairs(/^#([A-Z_]+)=(.*)$/gm) };
}

/** What a Dockerfile's ARGs take by themselves, by name: the first that gives a value. */
export function argumentsOf(dockerfile: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [, name = '', value] of dockerfile.matchAll(/^ARG ([A-Z_]+)(?:=(.*))?$/gm)) {
    if (value !== undefined) found[name] ??= value;
  }
  return found;
}
