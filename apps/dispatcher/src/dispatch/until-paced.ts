import { type Pace } from './turn';

/** A number that uses nine tenths of its limit (DISPATCH_RATE_PERCENT) has a tenth of a second's worth free for what is late. */
const LATE_MS = 100;

/**
 * Resolves when a call may leave. Who is later than a tenth of a second (the process was frozen, or its event loop held up) asks once more:
 * all that waited for their moments meanwhile would leave together otherwise. Not a third time, so that a slow process still sends.
 */
export async function untilPaced(pace: Pace): Promise<void> {
  const at = pace();
  await until(at);
  if (performance.now() - at > LATE_MS) await until(pace());
}

async function until(at: number): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
