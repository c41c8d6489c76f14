import { createPacer } from './pacer';

it('lets the first leave at once, and each next when those before it have had their time', () => {
  const pacer = createPacer(50, 1000);
  expect(pacer.take(5, 1000)).toBe(0);
  expect(pacer.take(5, 1000)).toBe(100);
  expect(pacer.take(1, 1150)).toBe(50);
  expect(pacer.take(1, 1200)).toBe(20);
});

it('makes up for a moment, and not for a pause', () => {
  const pacer = createPacer(100, 0);
  expect(pacer.take(10, 0)).toBe(0);
  expect(pacer.take(10, 150)).toBe(0);
  expect(pacer.take(10, 150)).toBe(50);
  expect(pacer.take(10, 60_000)).toBe(0);
  // 0.2 s of the pause are made up for: 20 letters, of which 10 have just left.
  expect(pacer.take(10, 60_000)).toBe(0);
  expect(pacer.take(10, 60_000)).toBe(0);
  expect(pacer.take(10, 60_000)).toBe(100);
});
