import { readOtlp, type TracedSpan } from './traced-span';

/** Where spans can be asked for. */
export type TraceSource = {
  ofTrace(traceId: string): Promise<readonly TracedSpan[]>;
  /** Of every trace that bears the command's id. */
  ofCommand(commandId: string): Promise<readonly TracedSpan[]>;
};

export const conversation = 'messaging.message.conversation_id';

/** Asks what a receiver of the tests has taken. */
export function sourceOf(spans: readonly TracedSpan[]): TraceSource {
  return {
    ofTrace: (traceId) => Promise.resolve(spans.filter((span) => span.traceId === traceId)),
    ofCommand(commandId) {
      const ids = new Set(
        spans
          .filter(({ attributes }) => attributes[conversation] === commandId)
          .map(({ traceId }) => traceId),
      );
      return Promise.resolve(spans.filter(({ traceId }) => ids.has(traceId)));
    },
  };
}

/** Asks a Jaeger by its API, as a person would by its page. */
export function jaegerSource(url: string, services: readonly string[]): TraceSource {
  async function get(path: string, params: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const response = await fetch(`${url}${path}?${new URLSearchParams(params).toString()}`);
    // It knows none.
    if (response.status === 404) return {};
    if (!response.ok) throw new Error(`Jaeger answered ${response.status}: ${await response.text()}`);
    return response.json();
  }

  async function ofTrace(traceId: string): Promise<TracedSpan[]> {
    const { result } = (await get(`/api/v3/traces/${traceId}`)) as { result?: unknown };
    return readOtlp(result ?? {});
  }

  return {
    ofTrace,
    async ofCommand(commandId) {
      const tags = JSON.stringify({ [conversation]: commandId });
      const found = await Promise.all(
        services.map((service) => get('/api/traces', { service, tags, limit: '100', lookback: '1h' })),
      );
      const ids = found.flatMap(
        (one) => (one as { data?: { traceID: string }[] }).data?.map(({ traceID }) => traceID) ?? [],
      );
      return (await Promise.all([...new Set(ids)].map(ofTrace))).flat();
    },
  };
}
