import { parseDuration } from '@talaria/config';
import { InvalidArgumentError } from 'commander';

/** Values of flags, as commander's argument parsers. */

const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

export function timeOf(text: string): Date {
  const at = TIME.test(text) ? new Date(text) : new Date(NaN);
  if (Number.isNaN(at.getTime()))
    throw new InvalidArgumentError('It must be like 2026-01-31 or 2026-01-31T12:00:00Z.');
  return at;
}

/** In milliseconds. */
export function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be like 500ms, 30s, 5m or 1h.');
  return ms;
}

export function rateOf(text: string): number {
  const rate = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (rate < 1 || rate > 100_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to 100000, a second.');
  return rate;
}

export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
