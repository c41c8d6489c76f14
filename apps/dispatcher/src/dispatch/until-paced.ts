import { type Pace } from './turn';

/** More than an event loop at work is late by; what it makes of a limit in a second is less than the part that is left free of it. */
const LATE_MS = 250;

/**
 * Resolves when a call may leave. Who is so late that the process must have stood still (frozen, or its machine) asks once more: all that
 * waited for their moments meanwhile would leave together otherwise. Not a third time, so that a slow process still sends.
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
