/** Reads HTTP/1.1 answers, one after the other, from chunks that may be cut anywhere. Knows Content-Length and no other framing. */
export class ResponseReader {
  /** What has come of a head that is not complete. */
  private head = '';
  private status = 0;
  /** Bytes of the body that are still to come; undefined while a head is being read. */
  private missing: number | undefined;

  /**
   * @returns the status when this chunk completes an answer
   * @throws when the bytes are no answer, or go on after its end
   */
  read(chunk: Buffer): number | undefined {
    if (this.missing !== undefined) return this.count(this.missing - chunk.length);
    const text = this.head + chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) {
      this.head = text;
      return undefined;
    }
    this.head = '';
    const head = text.slice(0, end);
    if (!head.startsWith('HTTP/1.1 ') || /\r\ntransfer-encoding:/i.test(head))
      throw new Error(`an answer that the load generator cannot read: ${head.slice(0, 80)}`);
    this.status = Number(head.slice(9, 12));
    const [, length = '0'] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    return this.count(Number(length) - (text.length - end - 4));
  }

  private count(missing: number): number | undefined {
    if (missing < 0) throw new Error('bytes after the end of an answer');
    this.missing = missing === 0 ? undefined : missing;
    return missing === 0 ? this.status : undefined;
  }
}
