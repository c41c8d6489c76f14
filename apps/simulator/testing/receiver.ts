import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

export type Received = { readonly body: string; readonly signature: string | undefined };

/** Stands in for ingestion: keeps every webhook that is posted to it. */
export class Receiver {
  readonly received: Received[] = [];
  /** The status for the n-th webhook, counted from 0; undefined never answers. */
  answer: (index: number) => number | undefined = () => 200;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const signature = request.headers['x-hub-signature-256'];
        const status = receiver.answer(receiver.received.length);
        receiver.received.push({ body: Buffer.concat(chunks).toString(), signature: signature?.toString() });
        if (status !== undefined) response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  /** Every item of every webhook, in the order in which they came. */
  get items(): Record<string, unknown>[] {
    return this.received.flatMap(({ body }) => {
      const { entry } = JSON.parse(body) as {
        entry: { changes: { value: Record<string, Record<string, unknown>[] | undefined> }[] }[];
      };
      return entry
        .flatMap(({ changes }) => changes)
        .flatMap(({ value }) => [...(value.messages ?? []), ...(value.statuses ?? [])]);
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
