/** A set of whole numbers from `first` on, one bit each; grows as needed. */
export class Bits {
  private bytes: Uint8Array = new Uint8Array(1024);
  private count = 0;

  constructor(readonly first: number) {}

  static from({ first, bytes }: { readonly first: number; readonly bytes: Uint8Array }): Bits {
    const bits = new Bits(first);
    bits.bytes = bytes;
    bits.count = bytes.reduce((sum, byte) => sum + ones(byte), 0);
    return bits;
  }

  get size(): number {
    return this.count;
  }

  has(value: number): boolean {
    const index = value - this.first;
    return index >= 0 && ((this.bytes[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /** @returns false when it was in the set already */
  add(value: number): boolean {
    if (this.has(value)) return false;
    const index = value - this.first;
    if (index < 0) throw new RangeError(`${value} is before ${this.first}, the first`);
    if (index >>> 3 >= this.bytes.length) this.grow(index >>> 3);
    this.bytes[index >>> 3] = (this.bytes[index >>> 3] ?? 0) | (1 << (index & 7));
    this.count++;
    return true;
  }

  *values(): Generator<number> {
    const end = this.first + this.bytes.length * 8;
    for (let value = this.first; value < end; value++) if (this.has(value)) yield value;
  }

  /** For another process; {@link from} takes it. */
  pack(): { readonly first: number; readonly bytes: Uint8Array } {
    return { first: this.first, bytes: this.bytes };
  }

  private grow(index: number): void {
    const larger = new Uint8Array(Math.max(index + 1, this.bytes.length * 2));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) count++;
  return count;
}
