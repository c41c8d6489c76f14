import { readFileSync } from 'node:fs';

/**
 * Loaded into a process before its own program: its wall clock is as many milliseconds from the machine's as the file says that
 * CHAOS_CLOCK_FILE names. Timers and monotonic time go on, as when somebody sets the clock of a machine.
 */
const file = process.env.CHAOS_CLOCK_FILE;
const LOOK_EVERY_MS = 100;

if (file !== undefined) {
  let byMs = 0;
  const RealDate = Date;

  class SteppableDate extends RealDate {
    constructor(...parts: readonly unknown[]) {
      // @ts-expect-error: as Date takes them
      super(...(parts.length === 0 ? [SteppableDate.now()] : parts));
    }

    static override now(): number {
      return RealDate.now() + byMs;
    }

    static override [Symbol.hasInstance](value: unknown): boolean {
      return Object.prototype.toString.call(value) === '[object Date]';
    }
  }

  globalThis.Date = SteppableDate as DateConstructor;
  setInterval(() => {
    try {
      byMs = Number(readFileSync(file, 'utf8')) || 0;
    } catch {
      byMs = 0;
    }
  }, LOOK_EVERY_MS).unref();
}
