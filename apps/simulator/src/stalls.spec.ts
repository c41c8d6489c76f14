import { Stalls } from './stalls';

it('tells how long it was held up at most in the last two seconds', () => {
  let now = 1000;
  const stalls = new Stalls(() => now);
  expect(stalls.longest()).toBe(0);
  now += 850;
  expect(stalls.longest()).toBe(800);
  now += 250;
  expect(stalls.longest()).toBe(800);
  for (const until = now + 1700; now < until; now += 50) stalls.longest();
  expect(stalls.longest()).toBe(800);
  for (const until = now + 150; now < until; now += 50) stalls.longest();
  expect(stalls.longest()).toBe(200);
  stalls.close();
});
