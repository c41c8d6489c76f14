import { parseCallbackData } from '@talaria/contracts';
import { type Accepted } from '../../platform/simulator';
import { type Clocks, cpuColumns } from '../clocks';
import { percentiles } from '../load/run-load';
import { type Result, round, spread } from '../report';

/** A message as it came to Meta's stand-in, and was accepted. */
export type Arrival = {
  /** Of its command. */
  readonly index: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly phoneNumberId: string;
  readonly pair: string;
};

export function arrivalsOf(accepted: readonly Accepted[]): Arrival[] {
  return accepted.map(({ callbackData, at, phoneNumberId, to }) => ({
    index: Number(parseCallbackData(callbackData)?.commandId),
    at,
    phoneNumberId,
    pair: `${phoneNumberId} ${to}`,
  }));
}

/** How many of each number arrived from one time to another; those without any are left out. */
export function countByNumber(
  arrivals: readonly Arrival[],
  from: number,
  to: number,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { at, phoneNumberId } of arrivals)
    if (at >= from && at < to) counts.set(phoneNumberId, (counts.get(phoneNumberId) ?? 0) + 1);
  return counts;
}

/** How many came after one of the same recipient that was published later. */
export function countOvertaken(arrivals: readonly Arrival[]): number {
  const latest = new Map<string, number>();
  let overtaken = 0;
  for (const { pair, index } of arrivals) {
    const last = latest.get(pair) ?? -1;
    if (index < last) overtaken++;
    else latest.set(pair, index);
  }
  return overtaken;
}

/** Messages that were published and did not arrive as often as they should: once. */
export function countLostAndDoubled(
  arrivals: readonly Arrival[],
  first: number,
  count: number,
): { readonly lost: number; readonly doubled: number } {
  const times = new Uint8Array(count);
  for (const { index } of arrivals) {
    const place = index - first;
    if (place >= 0 && place < count) times[place] = (times[place] ?? 0) + 1;
  }
  return { lost: times.filter((n) => n === 0).length, doubled: times.filter((n) => n > 1).length };
}

/** How long messages took from publishing to arriving, in milliseconds. */
export type Delay = {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly messages: number;
  /** Those that have not arrived; their time counts as endless. */
  readonly missing: number;
  readonly perSecond: number;
};

/**
 * @param publishedAt of the messages that are asked about, by index
 * @param seconds in which they were published
 */
export function delayOf(
  arrivals: readonly Arrival[],
  publishedAt: ReadonlyMap<number, number>,
  seconds: number,
): Delay {
  const arrivedAt = new Map(arrivals.map(({ index, at }) => [index, at]));
  const delays = [...publishedAt].map(([index, at]) => (arrivedAt.get(index) ?? Infinity) - at);
  const { p50, p95, p99 } = percentiles(delays);
  return {
    ...{ p50, p95, p99 },
    messages: delays.length,
    missing: delays.filter((delay) => delay === Infinity).length,
    perSecond: delays.length / seconds,
  };
}

/** And what was used meanwhile for each message, by all that went on. */
export type Watched = { readonly delay: Delay; readonly used: Clocks };

/** Several rounds of it. */
export function delayResult(name: string, runs: readonly Watched[]): Result {
  const delays = runs.map(({ delay }) => delay);
  const of = (quantile: 'p50' | 'p95' | 'p99') =>
    spread(
      delays.map((delay) => delay[quantile]),
      1,
    );
  return {
    name,
    rate: spread(
      delays.map(({ perSecond }) => perSecond),
      1,
    ),
    p50Ms: of('p50').median,
    p99Ms: of('p99').median,
    ...cpuColumns(runs.map(({ used }) => used)),
    ...{ p50: of('p50'), p95: of('p95'), p99: of('p99') },
    messages: delays.reduce((sum, { messages }) => sum + messages, 0),
    missing: delays.reduce((sum, { missing }) => sum + missing, 0),
  };
}

/** For a person. */
export function delayText({ p50, p95, p99, messages, missing }: Delay): string {
  const ms = [p50, p95, p99].map((value) => round(value, 1)).join('/');
  return `p50/p95/p99 ${ms} ms of ${messages}${missing === 0 ? '' : `, ${missing} missing`}`;
}
