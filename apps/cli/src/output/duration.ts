const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** The two largest units of a duration, for people: `3 h 12 min`. */
export function durationText(ms: number): string {
  let seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: string[] = [];
  for (const [unit, length] of UNITS) {
    const count = Math.floor(seconds / length);
    if (parts.length === 1 || count > 0 || unit === 's') parts.push(`${count} ${unit}`);
    seconds -= count * length;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}
