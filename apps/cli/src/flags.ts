import { parseDuration } from '@talaria/config';
import { InvalidArgumentError, Option } from 'commander';

/** Readers of arguments and flags: what does not fit is refused with what would. */

/** A whole number. */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!(number >= least && number <= most))
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return number;
  };

export const rowId = whole(1, Number.MAX_SAFE_INTEGER);

/** For variadic arguments. */
export const rowIds = (text: string, before: readonly number[] = []) => [...before, rowId(text)];

/** @param expected completes the sentence "It must be …" */
export const matching =
  (form: RegExp, expected: string) =>
  (text: string): string => {
    if (!form.test(text)) throw new InvalidArgumentError(`It must be ${expected}.`);
    return text;
  };

export const metaId = matching(/^[0-9]{1,32}$/, 'an id of digits');
export const campaignId = matching(
  /^[A-Za-z0-9._:-]{1,128}$/,
  'a campaign id: up to 128 of A-Z a-z 0-9 . _ : -',
);
export const notBlank = matching(/\S/, 'a text that is not empty');

export const byOption = () => new Option('--by <name>', 'who wants it (default: you)').argParser(notBlank);

/** For a flag that may be given again. */
export const collect = (text: string, before: readonly string[] = []) => [...before, text];

/** @returns milliseconds */
export function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be like 500ms, 30s, 5m or 1h.');
  return ms;
}

const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** A day, which begins in UTC, or a time. @returns ISO 8601 in UTC */
export function timeOf(text: string): string {
  const at = DATE.test(text) || TIME.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be like 2026-01-31 or 2026-01-31T12:00:00Z.');
  return new Date(at).toISOString();
}

/** @returns the text as it is */
export function timeToCome(text: string): string {
  const at = TIME.test(text) ? Date.parse(text) : NaN;
  if (!(at > Date.now()))
    throw new InvalidArgumentError('It must be a time to come, with its offset, like 2030-01-31T12:00:00Z.');
  return text;
}
