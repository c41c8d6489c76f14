/**
 * Why a record was not written. timeout: given up at its own time · given-up: with everything else that was not confirmed · refused: it can never be
 * written · full: too much waits already · closed: it came too late.
 */
export class NotWrittenError extends Error {
  constructor(
    readonly reason: 'timeout' | 'given-up' | 'refused' | 'full' | 'closed',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'NotWrittenError';
  }
}

/** The broker's answer does not confirm what was sent. */
export class GapError extends Error {
  override readonly name = 'GapError';
}

/** There was neither an answer nor an error. */
export class HungError extends Error {
  override readonly name = 'HungError';
}

/** The errors after which nothing can be trusted that was connected before. */
const UNTRUSTED = new Set(['GapError', 'HungError', 'KafkaJSRequestTimeoutError']);

/** What the broker says of a batch when one record in it can never be written. */
const REFUSED = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

/** Whether the same records would be refused again, however often they are sent. */
export function isRefused(error: unknown): boolean {
  return causes(error).some(({ type }) => type !== undefined && REFUSED.has(type));
}

/** Whether the client that sent cannot be trusted any more: its broker map is wrong, or its connection is dead and it does not know. */
export function needsNewClient(error: unknown): boolean {
  return causes(error).some(({ name }) => name !== undefined && UNTRUSTED.has(name));
}

/** Whether the broker says that it does not lead the partition. */
export function isMisled(error: unknown): boolean {
  return causes(error).some(({ type }) => type === 'NOT_LEADER_FOR_PARTITION');
}

/** Whether the cluster says that it does not have the topic. */
export function isUnknownTopic(error: unknown): boolean {
  return causes(error).some(({ type }) => type === 'UNKNOWN_TOPIC_OR_PARTITION');
}

/** Kafka's name for the fault, else the error's; nothing of what was sent. */
export function faultOf(error: unknown): string {
  const last = causes(error).at(-1);
  return last?.type ?? last?.name ?? 'unknown fault';
}

type Cause = { readonly name?: string; readonly type?: string };

/** kafkajs wraps the error that tells into others. */
function causes(error: unknown): Cause[] {
  const chain: Cause[] = [];
  for (
    let one = error;
    typeof one === 'object' && one !== null && chain.length < 5;
    one = (one as Error).cause
  ) {
    chain.push(one);
  }
  return chain;
}
