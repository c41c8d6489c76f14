import { durationText } from './duration';

it.each([
  [0, '0 s'],
  [-5, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min 0 s'],
  [3_600_000 * 3 + 60_000 * 12 + 5000, '3 h 12 min'],
  [86_400_000 * 2, '2 d 0 h'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
