export function schemaOf(version: number): string {
  return `projection_${version}`;
}
