/** Every consumer group of ours, without the prefix; where there are many of a kind, how all of them begin. */
export const groups = {
  dispatcher: 'talaria.dispatcher',
  dispatcherStatuses: 'talaria.dispatcher.statuses',
  deadLetters: 'talaria.dead-letters',
  /** One for each version of the read model. */
  projections: 'talaria.processor.',
  /** One for each `talaria tail`, which removes it at its end. */
  tails: 'talaria.tail-',
  /** One for each client of @talaria/client. */
  clients: 'talaria-client-',
} as const;

/** The consumer group of the processors that fill a version of the read model, without the prefix. */
export function projectionGroup(version: number): string {
  return `${groups.projections}${version}`;
}
