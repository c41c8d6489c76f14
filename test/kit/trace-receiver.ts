import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { readOtlp, type TracedSpan } from './traced-span';

/** Takes OTLP over HTTP as JSON, as a collector would. @param forwardTo a collector that is given all of it too */
export async function startTraceReceiver(forwardTo?: string): Promise<{
  url: string;
  spans: TracedSpan[];
  raw: string[];
  close(): void;
}> {
  const spans: TracedSpan[] = [];
  const raw: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      if (request.url === '/v1/traces') {
        raw.push(body);
        spans.push(...readOtlp(JSON.parse(body)));
        if (forwardTo !== undefined) forward(forwardTo, body);
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

/** What did not arrive is missed by whoever looks for it there. */
function forward(collector: string, body: string): void {
  const headers = { 'content-type': 'application/json' };
  fetch(`${collector}/v1/traces`, { method: 'POST', headers, body }).catch(() => undefined);
}
