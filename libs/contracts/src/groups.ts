/** The consumer group of the processors that fill a version of the read model, without the prefix. */
export function projectionGroup(version: number): string {
  return `talaria.processor.${version}`;
}
