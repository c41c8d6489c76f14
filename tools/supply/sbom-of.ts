import { type Shipped } from './shipped';

/**
 * A bill of materials in CycloneDX 1.5. The same packages make the same bytes. Not by `npm sbom --omit=dev`: npm 11 leaves out of it what a development
 * dependency needs, too, which is every third package of ours.
 */
export function sbomOf(version: string, packages: readonly Shipped[]) {
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': `talaria@${version}`,
        name: 'talaria',
        version,
        purl: `pkg:npm/talaria@${version}`,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: packages.map(componentOf),
  };
}

function componentOf({ name, version, licence, integrity }: Shipped) {
  const [algorithm = '', digest = ''] = integrity.split('-');
  const isSha512 = algorithm === 'sha512';
  return {
    type: 'library',
    'bom-ref': `${name}@${version}`,
    name,
    version,
    // The @ of a scope is written so in a package URL.
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(licence !== 'none' && { licenses: [{ expression: licence.replace(/^\((.*)\)$/, '$1') }] }),
    ...(isSha512 && { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] }),
  };
}
