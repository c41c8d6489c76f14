import { sign } from '@talaria/whatsapp';
import { fillBody, makeTemplate } from './webhook-body';

export type Request = { readonly bytes: Buffer; readonly firstItem: number };

/**
 * Signed webhook requests, ready to be written to a socket, each with items of its own: no number is ever used twice. Those that a run
 * did not take are taken by the next one.
 */
export class RequestPool {
  private readonly template;
  private readonly head: Buffer;
  private readonly signatureAt: number;
  private readonly size: number;
  private readonly ring: Buffer;
  private made = 0;
  private taken = 0;

  /**
   * @param capacity how many may be ready; also how many are made before the memory of one is used again
   * @param firstItem the number of the first item
   */
  constructor(
    readonly items: number,
    readonly capacity: number,
    private readonly firstItem: number,
    private readonly appSecret: string,
  ) {
    this.template = makeTemplate(items);
    const unsigned = '0'.repeat(64);
    this.head = Buffer.from(
      'POST /webhooks/whatsapp HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n' +
        `Content-Type: application/json\r\nContent-Length: ${this.template.bytes.length}\r\n` +
        `X-Hub-Signature-256: sha256=${unsigned}\r\n\r\n`,
    );
    this.signatureAt = this.head.indexOf(unsigned);
    this.size = this.head.length + this.template.bytes.length;
    this.ring = Buffer.allocUnsafeSlow(this.size * capacity);
  }

  /** The number of the first item that has not been taken. */
  get nextItem(): number {
    return this.firstItem + this.taken * this.items;
  }

  /** Makes requests until as many are ready as there is room for. */
  fill(): void {
    while (this.made - this.taken < this.capacity) this.make();
  }

  /** @param mayMake whether one may be made on the spot when none is ready; else undefined tells that they are used up */
  take(mayMake: boolean): Request | undefined {
    if (this.taken === this.made) {
      if (!mayMake) return undefined;
      this.make();
    }
    const firstItem = this.nextItem;
    return { bytes: this.slot(this.taken++), firstItem };
  }

  private make(): void {
    const request = this.slot(this.made);
    const body = request.subarray(this.head.length);
    this.head.copy(request);
    this.template.bytes.copy(body);
    fillBody(body, this.template, this.firstItem + this.made * this.items);
    request.write(sign(body, this.appSecret).slice('sha256='.length), this.signatureAt, 'latin1');
    this.made++;
  }

  private slot(index: number): Buffer {
    const start = (index % this.capacity) * this.size;
    return this.ring.subarray(start, start + this.size);
  }
}
