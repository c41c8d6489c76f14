import { type Fault } from './nemesis/nemesis';

/** Something that goes through the platform: when it was offered to it, and when it was done; undefined when it never was. Milliseconds since 1970. */
export type Passage = { readonly offeredAt: number; readonly doneAt: number | undefined };

/** How soon each way through the platform was open again, once nobody hurt it any more. */
export type Recovery = {
  readonly kind: string;
  readonly times: number;
  readonly byWay: Readonly<Record<string, Wait>>;
};

/** In milliseconds; undefined: nothing went through any more. Of `times` faults: after the others nothing was offered to this way. */
export type Wait = {
  readonly times: number;
  readonly median: number | undefined;
  readonly most: number | undefined;
};

/**
 * For each kind of fault, and each way through the platform: from when it was mended until something that was offered after that had gone
 * through. Other faults may have begun meanwhile: it is what an observer saw, and no fault's own.
 */
export function recoveriesOf(
  faults: readonly Fault[],
  ways: Readonly<Record<string, readonly Passage[]>>,
): Recovery[] {
  const kinds = [...new Set(faults.map(({ step }) => step.kind))].sort();
  return kinds.map((kind) => {
    const ends = faults.filter(({ step }) => step.kind === kind).map(({ until }) => until);
    const waits = Object.entries(ways).map(([way, passages]) => [way, waitOf(passages, ends)] as const);
    return { kind, times: ends.length, byWay: Object.fromEntries(waits) };
  });
}

function waitOf(passages: readonly Passage[], ends: readonly number[]): Wait {
  const lastOffered = passages.reduce((last, { offeredAt }) => Math.max(last, offeredAt), -Infinity);
  const waits = ends
    .filter((from) => from <= lastOffered)
    .map((from) => firstDone(passages, from) - from)
    .sort((a, b) => a - b);
  return { times: waits.length, median: known(waits[waits.length >> 1]), most: known(waits.at(-1)) };
}

const known = (ms: number | undefined) => (ms === Infinity ? undefined : ms);

function firstDone(passages: readonly Passage[], from: number): number {
  return passages.reduce((first, { offeredAt, doneAt = Infinity }) => {
    // What was offered before, too, may have been done before.
    const at = Math.max(doneAt, offeredAt);
    return offeredAt >= from && at < first ? at : first;
  }, Infinity);
}
