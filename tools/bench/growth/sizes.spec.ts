import { spread } from '../report';
import { type BenchOptions } from '../arguments';
import { compareSizes, inTurn, type Size, sizesOf } from './sizes';

const sizes = (...costs: (readonly (number | undefined)[])[]): Size<number | undefined>[] =>
  costs.map((runs, place) => ({ size: 10 ** (place + 1), runs: [...runs] }));
const compare = (of: Size<number | undefined>[]) =>
  compareSizes('sending', 'numbers', of, {
    costOf: (run) => run,
    resultOf: (name) => ({ name, rate: spread([1]), p50Ms: null, p99Ms: null, cpuUs: null, cpu: {} }),
  });

describe('growth', () => {
  it('holds each size to the smallest, round by round', () => {
    const { results, ratios, goals } = compare(sizes([100, 200, 100], [140, 280, 160], [160, 320, 150]));
    expect(results.map(({ name }) => name)).toEqual([
      ...['sending, 10 numbers', 'sending, 100 numbers', 'sending, 1000 numbers'],
    ]);
    expect(ratios).toMatchObject([
      { of: 'sending, 100 numbers', to: '10', median: 1.4, min: 1.4, max: 1.6 },
      { of: 'sending, 1000 numbers', median: 1.6 },
    ]);
    expect(goals).toMatchObject([
      { name: 'sending: CPU of a message, 100 numbers / 10', reached: 1.4, ok: true },
      { name: 'sending: CPU of a message, 1000 numbers / 10', reached: 1.6, ok: false },
    ]);
  });

  it('is measured in rounds that each size begins in its turn, after one that does not count', async () => {
    const all = sizesOf<number>([1, 2, 3]);
    const measured: number[] = [];
    const context = { options: { rounds: 4 } as BenchOptions, say: () => undefined };
    await inTurn(context, all, ({ size }) => Promise.resolve(measured.push(size)));
    expect(measured).toEqual([1, 1, 2, 3, 2, 3, 1, 3, 1, 2, 1, 2, 3]);
    expect(all.map(({ runs }) => runs)).toEqual([
      [2, 7, 9, 11],
      [3, 5, 10, 12],
      [4, 6, 8, 13],
    ]);
  });

  it('is missed where a cost is not known', () => {
    const { ratios, goals } = compare(sizes([100], [undefined]));
    expect(ratios).toEqual([]);
    expect(goals).toMatchObject([{ reached: null, ok: false }]);
  });
});
