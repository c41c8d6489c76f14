import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dependencies } from '../../package.json';
import { repositoryRoot } from '../stack/repository';
import { sbomOf } from './sbom-of';
import { shipped } from './shipped';

describe('the bill of materials', () => {
  const packages = shipped();
  const { components } = sbomOf('1.2.3', packages);

  it('has every production dependency in the version that is installed, and what it needs in turn', () => {
    const versionOf = (name: string) =>
      (
        JSON.parse(readFileSync(join(repositoryRoot(), 'node_modules', name, 'package.json'), 'utf8')) as {
          version: string;
        }
      ).version;
    // The last two are needed by development dependencies, too.
    const wanted = [...Object.keys(dependencies), 'fast-deep-equal', 'debug'];
    const found = new Map(components.map((one) => [one['bom-ref'], one]));
    expect(wanted.filter((name) => !found.has(`${name}@${versionOf(name)}`))).toEqual([]);
    expect([...found.keys()].filter((ref) => /^(jest|eslint|typescript)@/.test(ref))).toEqual([]);
  });

  it('names each by its package URL, its licence and the hash of its archive', () => {
    const [one] = sbomOf('1.2.3', [
      { name: '@scope/one', version: '2.0.0', licence: '(MIT OR CC0-1.0)', integrity: 'sha512-AAEC' },
    ]).components;
    expect(one).toEqual({
      type: 'library',
      'bom-ref': '@scope/one@2.0.0',
      name: '@scope/one',
      version: '2.0.0',
      purl: 'pkg:npm/%40scope/one@2.0.0',
      licenses: [{ expression: 'MIT OR CC0-1.0' }],
      hashes: [{ alg: 'SHA-512', content: '000102' }],
    });
    expect(components.filter(({ hashes }) => hashes === undefined)).toEqual([]);
  });
});
