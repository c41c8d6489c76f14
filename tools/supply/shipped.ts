import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../stack/repository';

/** A package that a production install brings along. */
export type Shipped = {
  readonly name: string;
  readonly version: string;
  /** SPDX; `none` when it says nothing. */
  readonly licence: string;
  /** Of its archive, as in the lock file: `sha512-` and base64. */
  readonly integrity: string;
};

type Locked = {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
};

/** By the lock file, in the order of their names: no development dependencies, nor what only those bring in. */
export function shipped(): Shipped[] {
  const lock = JSON.parse(readFileSync(join(repositoryRoot(), 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  const all = Object.entries(lock.packages).flatMap(([path, one]) => {
    const name = path.split('node_modules/').at(-1) ?? '';
    const isShipped = name !== '' && one.dev !== true && one.devOptional !== true;
    const { version, license: licence = 'none', integrity = '' } = one;
    return isShipped ? [{ name, version, licence, integrity }] : [];
  });
  const byId = new Map(all.map((one) => [`${one.name}@${one.version}`, one]));
  return [...byId].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, one]) => one);
}
