import { connect, type Socket } from 'node:net';
import { type Request } from './request-pool';
import { ResponseReader } from './response-reader';

/** What is under way on a connection. */
export type Sent = { readonly request: Request; readonly since: number };

export type ConnectionEvents = {
  answered(connection: Connection, status: number, sent: Sent): void;
  /** It is of no use any more. `sent` is what will have no answer. */
  ended(connection: Connection, sent: Sent | undefined): void;
};

/** One keep-alive connection with at most one request under way. */
export class Connection {
  private readonly socket: Socket;
  private readonly reader = new ResponseReader();
  private sent: Sent | undefined;
  private isEnded = false;

  constructor(
    port: number,
    private readonly events: ConnectionEvents,
  ) {
    // One buffer for all that comes: the usual stream would make a new one for each answer.
    const buffer = Buffer.allocUnsafeSlow(4096);
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer,
        callback: (bytes) => {
          this.read(buffer.subarray(0, bytes));
          return true;
        },
      },
    });
    this.socket.on('error', () => this.end());
    this.socket.on('end', () => this.end());
    this.socket.on('close', () => this.end());
  }

  /** @param since when it should have been sent, from which its latency is counted */
  send(request: Request, since: number): void {
    this.sent = { request, since };
    this.socket.write(request.bytes);
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.socket.destroy();
    this.events.ended(this, this.sent);
  }

  private read(chunk: Buffer): void {
    try {
      const status = this.reader.read(chunk);
      if (status !== undefined) this.answer(status);
    } catch {
      this.end();
    }
  }

  private answer(status: number): void {
    const { sent } = this;
    if (sent === undefined) throw new Error('an answer that nobody asked for');
    this.sent = undefined;
    this.events.answered(this, status, sent);
  }
}
