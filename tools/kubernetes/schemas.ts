import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../stack/repository';
import { type Crd } from './crds';
import { KUBERNETES, moduleFolder } from './programs';

/** JSON Schemas that kubeconform reads, strict: a field that nobody knows is a fault. */

type Schema = Readonly<Record<string, unknown>>;
type Definition = Schema & {
  readonly 'x-kubernetes-group-version-kind'?: readonly { group: string; version: string; kind: string }[];
};

export const schemasPlace = () => join(repositoryRoot(), '.talaria/tools/schemas');
/** How kubeconform finds one. */
export const schemaLocation = () =>
  join(schemasPlace(), '{{.Group}}_{{.ResourceKind}}_{{.ResourceAPIVersion}}.json');

/** kubeconform calls the group of what has none by its version. */
const fileOf = (group: string, kind: string, version: string) =>
  join(schemasPlace(), `${group === '' ? version : group}_${kind.toLowerCase()}_${version}.json`);

export function writeSchemas(crds: readonly Crd[]): void {
  rmSync(schemasPlace(), { recursive: true, force: true });
  mkdirSync(schemasPlace(), { recursive: true });
  const specification = join(
    moduleFolder(`k8s.io/kubernetes@v${KUBERNETES}`),
    'api/openapi-spec/swagger.json',
  );
  const { definitions } = JSON.parse(readFileSync(specification, 'utf8')) as {
    definitions: Readonly<Record<string, Definition>>;
  };
  const text = JSON.stringify({ definitions: strictAll(definitions) });
  writeFileSync(
    join(schemasPlace(), 'definitions.json'),
    text.replaceAll('"#/definitions/', '"definitions.json#/definitions/'),
  );
  for (const [name, definition] of Object.entries(definitions))
    for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? [])
      writeFileSync(
        fileOf(group, kind, version),
        JSON.stringify({ $ref: `definitions.json#/definitions/${name}` }),
      );
  for (const { spec } of crds)
    for (const { name, schema } of spec.versions)
      writeFileSync(
        fileOf(spec.group, spec.names.kind, name),
        JSON.stringify(ofObject(strict(schema.openAPIV3Schema) as Schema)),
      );
}

/** What every object has, a CRD does not describe. */
const ofObject = (schema: Schema): Schema => ({
  ...schema,
  properties: {
    ...(schema.properties as Schema),
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { $ref: 'definitions.json#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
  },
});

const strictAll = (schemas: Schema) =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, strict(schema)]));

function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { description, format, ...rest } = schema as Schema;
  if (format === 'int-or-string' || rest['x-kubernetes-int-or-string'] === true)
    return { oneOf: [{ type: 'string' }, { type: 'integer' }] };
  // A quantity may be written as a number.
  if (typeof description === 'string' && description.startsWith('Quantity is'))
    return { oneOf: [{ type: 'string' }, { type: 'number' }] };
  const inner = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [
      key,
      key === 'properties' ? strictAll(value as Schema) : strict(value),
    ]),
  );
  const isOpen =
    rest.properties === undefined ||
    rest['x-kubernetes-preserve-unknown-fields'] === true ||
    rest.additionalProperties !== undefined;
  return isOpen ? inner : { ...inner, additionalProperties: false };
}
