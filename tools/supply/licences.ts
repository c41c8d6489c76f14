import { shipped } from './shipped';

/** Licences that ask for no more than to be named, and may be shipped in a product of any kind. */
export const allowed: ReadonlySet<string> = new Set([
  ...['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT'],
]);

/** Whether an SPDX expression lets us choose a licence that is allowed, and asks for none that is not. */
export function isAllowed(expression: string): boolean {
  const choices = expression.replace(/^\((.*)\)$/, '$1').split(' OR ');
  return choices.some((choice) => choice.split(' AND ').every((one) => allowed.has(one)));
}

/** docs/reference/licences.md */
export function licencesPage(): string {
  const rows = shipped().map(({ name, version, licence }) => `| \`${name}\` | ${version} | ${licence} |`);
  return [
    '# Licences',
    '',
    'Talaria is under the Apache License 2.0. What a production install brings along, by `package-lock.json`; development dependencies are not shipped. Made by `tools/supply/licences.ts`, and held to the lock file by a test.',
    '',
    `Allowed are ${[...allowed].join(', ')}.`,
    '',
    '| package | version | licence |',
    '| ------- | ------- | ------- |',
    ...rows,
    '',
  ].join('\n');
}
