import { headers } from './headers';

/** Which re-drive sends a dead letter again, by the ids of the tables `redrives` and `dead_letters`. A later re-drive has a higher id. */
export type Redriven = { readonly redriveId: number; readonly letterId: number };

/** A dead letter's place in its topic. */
export type LetterPlace = { readonly topic: string; readonly partition: number; readonly offset: number };

const FORM = /^(\d{1,15})\/(\d{1,15})$/;

/** What told of the failures that are over; the next life of the record has its own. */
const OF_THE_LAST_LIFE: readonly string[] = [
  headers.attempts,
  headers.dueAt,
  headers.firstFailureAt,
  headers.lastFailureAt,
  headers.place,
  headers.rekeyedTo,
  headers.dlqCause,
  headers.dlqAt,
  headers.errorMessage,
  headers.errorClass,
  headers.metaCode,
  headers.fbtraceId,
];

/** Headers of the record that a dead letter becomes again: what its publisher wrote, where it was first read, and who lets it go. */
export function redrivenHeaders(
  letter: Readonly<Record<string, string>>,
  { redriveId, letterId }: Redriven,
  { topic, partition, offset }: LetterPlace,
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(letter).filter(([name]) => !OF_THE_LAST_LIFE.includes(name))),
    [headers.redrive]: `${redriveId}/${letterId}`,
    [headers.redrivenFrom]: `${topic}/${partition}/${offset}`,
  };
}

/** @returns undefined for a record that was not re-driven. Anybody may write the header: what it says is to be looked up before it counts */
export function parseRedriven(found: Readonly<Record<string, string>>): Redriven | undefined {
  const [, redriveId, letterId] = FORM.exec(found[headers.redrive] ?? '') ?? [];
  return redriveId === undefined ? undefined : { redriveId: Number(redriveId), letterId: Number(letterId) };
}
