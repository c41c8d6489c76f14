import { Pool } from 'undici';
import { signatureOf } from './meta-json';

export type WebhookClientOptions = {
  readonly appSecret: string;
  readonly connections: number;
  readonly timeoutMs: number;
};

/** What became of one POST: the HTTP status, or `failed` when no answer came in time. */
export type PostResult = number | 'failed';

/** POSTs signed bodies over kept-alive connections. */
export class WebhookClient {
  private pool: Pool;
  private path: string;

  constructor(
    private target: string,
    private readonly options: WebhookClientOptions,
  ) {
    [this.pool, this.path] = this.open(target);
  }

  get url(): string {
    return this.target;
  }

  /** Later posts go to `url`; those on their way end where they began. */
  changeUrl(url: string): void {
    if (url === this.target) return;
    const old = this.pool;
    this.target = url;
    [this.pool, this.path] = this.open(url);
    void old.close();
  }

  sign(body: string): string {
    return signatureOf(body, this.options.appSecret);
  }

  async post(body: string, signature: string | undefined): Promise<PostResult> {
    try {
      const { statusCode, body: answer } = await this.pool.request({
        method: 'POST',
        path: this.path,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'facebookexternalua',
          ...(signature !== undefined && { 'x-hub-signature-256': signature }),
        },
        body,
      });
      await answer.dump();
      return statusCode;
    } catch {
      // Whatever broke, Meta would try again; the caller counts it.
      return 'failed';
    }
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }

  private open(url: string): [Pool, string] {
    const { origin, pathname, search } = new URL(url);
    const { connections, timeoutMs } = this.options;
    const pool = new Pool(origin, {
      connections,
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { timeout: timeoutMs },
    });
    return [pool, pathname + search];
  }
}
