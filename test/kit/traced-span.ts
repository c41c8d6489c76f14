/** A span as a collector, or Jaeger, has it. */
export type TracedSpan = {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a root. */
  readonly parentSpanId: string;
  readonly links: readonly TracedLink[];
  readonly attributes: Readonly<Record<string, unknown>>;
};

export type TracedLink = {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
};

type Attribute = { key: string; value: Record<string, unknown> };
type Raw<T> = Omit<T, 'attributes'> & { attributes?: Attribute[] };
type RawSpan = Raw<Omit<TracedSpan, 'service' | 'links' | 'parentSpanId'>> & {
  links?: Raw<TracedLink>[];
  parentSpanId?: string;
};
type Otlp = {
  resourceSpans?: { resource: { attributes: Attribute[] }; scopeSpans: { spans: RawSpan[] }[] }[];
};

/** Reads OTLP in JSON. */
export function readOtlp(otlp: unknown): TracedSpan[] {
  return ((otlp as Otlp).resourceSpans ?? []).flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        service: String(valuesOf(resource.attributes)['service.name']),
        parentSpanId: span.parentSpanId ?? '',
        links: (span.links ?? []).map((link) => ({ ...link, attributes: valuesOf(link.attributes) })),
        attributes: valuesOf(span.attributes),
      })),
    ),
  );
}

function valuesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
