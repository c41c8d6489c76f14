type Sample = { readonly offset: number; readonly timestamp: number };

/** Closer together in time they tell nothing more. */
const APART_MS = 100;

/** From when the records of a partition are, about: of many read at once only the first is noted. */
export class RecordTimes {
  private samples: Sample[] = [];

  /** Notes a record that was read. Where reading goes back, what lay behind is forgotten. */
  note(offset: number, timestamp: number): void {
    while ((this.samples.at(-1)?.offset ?? -1) >= offset) this.samples.pop();
    const last = this.samples.at(-1);
    if (last === undefined || Math.abs(timestamp - last.timestamp) >= APART_MS)
      this.samples.push({ offset, timestamp });
  }

  /**
   * When the record at an offset was written, or the last before it that was noted; undefined when none was. Forgets what lies before that:
   * offsets are asked for in ascending order.
   */
  at(offset: number): number | undefined {
    const index = this.samples.findLastIndex((sample) => sample.offset <= offset);
    if (index > 0) this.samples = this.samples.slice(index);
    return index < 0 ? undefined : this.samples[0]?.timestamp;
  }
}
