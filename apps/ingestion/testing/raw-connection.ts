import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A client that is bound to no rule of HTTP: it sends bytes and keeps what comes. */
export class RawConnection {
  private text = '';
  private isClosed = false;

  private constructor(readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.once('close', () => (this.isClosed = true));
    socket.on('data', (chunk) => (this.text += chunk.toString('latin1')));
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const connection = new RawConnection(socket);
    await once(socket, 'connect');
    // The other side's end is ours, unless a test has taken the reader away.
    socket.once('end', () => socket.end());
    return connection;
  }

  send(bytes: Buffer | string): this {
    this.socket.write(bytes);
    return this;
  }

  /** The complete answers so far. */
  get answers(): Answer[] {
    return answersIn(this.text);
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Resolves with the answer number `count`, or with what there is, or nothing, when the connection ends before. */
  async answer(count = 1): Promise<Answer | undefined> {
    while (this.answers.length < count && !this.isClosed) await this.next();
    return this.answers[count - 1];
  }

  /** Resolves with all answers when the connection has ended. */
  async ended(): Promise<Answer[]> {
    while (!this.isClosed) await this.next();
    return this.answers;
  }

  private next(): Promise<unknown> {
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off('data', done).off('close', done);
        resolve(undefined);
      };
      this.socket.once('data', done).once('close', done);
    });
  }
}

/** Sends these bytes on a connection of their own. @returns the first answer that is not 100; undefined when there is none */
export async function ask(port: number, bytes: Buffer | string): Promise<Answer | undefined> {
  const connection = (await RawConnection.open(port)).send(bytes);
  const answer = await connection.answer();
  connection.socket.destroy();
  return answer;
}

function answersIn(text: string): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end === -1) return answers;
    const [line = '', ...lines] = text.slice(at, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((one) => [
        one.slice(0, one.indexOf(':')).toLowerCase(),
        one.slice(one.indexOf(':') + 1).trim(),
      ]),
    );
    // Node answers some requests by itself, in chunks: that is one, and empty.
    const isChunked = headers['transfer-encoding'] === 'chunked';
    const length = isChunked ? '0\r\n\r\n'.length : Number(headers['content-length'] ?? 0);
    const body = text.slice(end + 4, end + 4 + length);
    if (body.length < length) return answers;
    at = end + 4 + length;
    const status = Number(line.split(' ')[1]);
    if (status !== 100) answers.push({ status, headers, body: isChunked ? body.slice(5) : body });
  }
}
