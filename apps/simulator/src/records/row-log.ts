const ROWS_IN_CHUNK = 1000;
export const ROWS_IN_PAGE = 10_000;

/**
 * A list that only grows, for checkers that read it page by page. Rows are kept as JSON text, and full chunks outside
 * V8's heap: millions of rows cost bytes, but no time in garbage collection.
 */
export class RowLog {
  private sealed: Buffer[] = [];
  private open: string[] = [];

  get length(): number {
    return this.sealed.length * ROWS_IN_CHUNK + this.open.length;
  }

  /** Sequence numbers begin at 1. */
  add(row: Readonly<Record<string, unknown>>): void {
    this.open.push(JSON.stringify({ seq: this.length + 1, ...row }));
    if (this.open.length < ROWS_IN_CHUNK) return;
    this.sealed.push(Buffer.from(this.open.join(',')));
    this.open = [];
  }

  /** @returns JSON `{"next": …, "<name>": […]}` with the rows after `after`; ask again with `after=next` until it is empty */
  page(name: string, after: number): string {
    const end = Math.min(this.length, after + ROWS_IN_PAGE);
    const parts: string[] = [];
    for (let row = after; row < end;) {
      const chunk = Math.floor(row / ROWS_IN_CHUNK);
      const chunkStart = chunk * ROWS_IN_CHUNK;
      const chunkEnd = Math.min(chunkStart + ROWS_IN_CHUNK, end);
      parts.push(this.slice(chunk, row - chunkStart, chunkEnd - chunkStart));
      row = chunkEnd;
    }
    return `{"next":${Math.max(after, end)},"${name}":[${parts.join(',')}]}`;
  }

  clear(): void {
    this.sealed = [];
    this.open = [];
  }

  private slice(chunk: number, from: number, to: number): string {
    const sealed = this.sealed[chunk];
    if (sealed === undefined) return this.open.slice(from, to).join(',');
    if (from === 0 && to === ROWS_IN_CHUNK) return sealed.toString();
    const rows = JSON.parse(`[${sealed.toString()}]`) as unknown[];
    return rows
      .slice(from, to)
      .map((row) => JSON.stringify(row))
      .join(',');
  }
}
