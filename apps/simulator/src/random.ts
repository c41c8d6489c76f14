/** Numbers from 0 up to, not including, 1. */
export type Random = () => number;

/** A minimum and a maximum, in milliseconds. */
export type Range = readonly [min: number, max: number];

/** Mulberry32: the same seed gives the same numbers, so that a run can be repeated. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function between(random: Random, [min, max]: Range): number {
  return min + random() * (max - min);
}

export function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}
