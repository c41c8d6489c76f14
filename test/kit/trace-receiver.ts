import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';

export type ReceivedSpan = {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly links: readonly { readonly traceId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
};

type Attribute = { key: string; value: Record<string, unknown> };
type RawSpan = Omit<ReceivedSpan, 'attributes' | 'service' | 'links' | 'parentSpanId'> & {
  attributes?: Attribute[];
  links?: { traceId: string }[];
  parentSpanId?: string;
};
type Export = {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: RawSpan[] }[] }[];
};

/** Takes OTLP over HTTP as JSON, as a collector would. */
export async function startTraceReceiver(): Promise<{
  url: string;
  spans: ReceivedSpan[];
  raw: string[];
  close(): void;
}> {
  const spans: ReceivedSpan[] = [];
  const raw: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      if (request.url === '/v1/traces') {
        raw.push(text);
        spans.push(...read(JSON.parse(text) as Export));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    raw,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function read({ resourceSpans }: Export): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes = [], links = [], parentSpanId = '', ...span }) => ({
        ...span,
        parentSpanId,
        links,
        service: String(valuesOf(resource.attributes)['service.name']),
        attributes: valuesOf(attributes),
      })),
    ),
  );
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
