import { averageOf } from './waits';

describe('what connections wait for', () => {
  it('is told on average, of those too that were not seen each time, the most first', () => {
    const looks = [
      [{ at: 'CPU', count: 1 }],
      [
        { at: 'Lock: transactionid', count: 4 },
        { at: 'CPU', count: 2 },
      ],
      [],
    ];
    expect(Object.entries(averageOf(looks))).toEqual([
      ['Lock: transactionid', 1.333],
      ['CPU', 1],
    ]);
  });
});
