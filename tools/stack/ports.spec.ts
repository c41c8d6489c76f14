import { freePorts } from './ports';

it('gives no port twice, though nobody listens yet', async () => {
  const ports = (await Promise.all(Array.from({ length: 20 }, () => freePorts(40)))).flat();
  expect(new Set(ports).size).toBe(800);
});
