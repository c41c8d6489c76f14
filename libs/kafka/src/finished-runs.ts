/** Offsets in a row, without `to`. */
export type Run = { readonly from: number; readonly to: number };

/** What a broker stores beside a committed offset; `offset.metadata.max.bytes`, by default. */
const MAX_CHARS = 4096;
/** Others commit metadata too, so ours says what it is. */
const OURS = 'done:';
const PATTERN = new RegExp(`^${OURS}[0-9a-z]+,[0-9a-z]+(?:,[0-9a-z]+,[0-9a-z]+)*$`);

/**
 * The finished offsets above a floor as the metadata of its commit: the lengths, in base 36, of what is unfinished and finished in turn. When
 * not all of it fits, the runs nearest to the floor.
 * @param runs in order, none adjacent to another or to the floor
 */
export function encodeRuns(floor: number, runs: readonly Run[], maxChars = MAX_CHARS): string {
  let text = '';
  let end = floor;
  for (const { from, to } of runs) {
    const more = `${text === '' ? OURS : ','}${(from - end).toString(36)},${(to - from).toString(36)}`;
    if (text.length + more.length > maxChars) break;
    text += more;
    end = to;
  }
  return text;
}

/** @returns what was encoded with this floor; nothing when it is not from {@link encodeRuns} */
export function decodeRuns(floor: number, metadata: string): Run[] {
  if (!PATTERN.test(metadata)) return [];
  const runs: Run[] = [];
  let from = floor;
  for (const [index, text] of metadata.slice(OURS.length).split(',').entries()) {
    const to = from + parseInt(text, 36);
    if (to === from || !Number.isSafeInteger(to)) return [];
    if (index % 2 === 1) runs.push({ from, to });
    from = to;
  }
  return runs;
}

/** Joins what touches or overlaps. */
export function joinRuns(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  for (const run of [...runs].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last === undefined || run.from > last.to) joined.push(run);
    else joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, run.to) };
  }
  return joined;
}
