import { performance } from 'node:perf_hooks';

/** Milliseconds since 1970, with fractions. Never goes back. */
export type Clock = () => number;

/** Date.now() may jump when the machine's clock is set, and a sliding window would then lie; this does not. */
export const steadyClock: Clock = () => performance.timeOrigin + performance.now();
