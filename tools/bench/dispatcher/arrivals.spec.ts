import { type Accepted } from '../../platform/simulator';
import { arrivalsOf, countByNumber, countLostAndDoubled, countOvertaken, delayOf } from './arrivals';

const accepted = (id: number, at: number, to = '+1'): Accepted => ({
  ...{ seq: 0, at, phoneNumberId: '5', to, wamid: 'w', type: 'text' },
  callbackData: `talaria/${id}/1`,
});

describe('what arrived at the stand-in for Meta', () => {
  it('is told apart by the command', () => {
    const arrivals = arrivalsOf([accepted(7, 10), accepted(8, 20), accepted(8, 30), accepted(99, 40)]);
    expect(countLostAndDoubled(arrivals, 7, 3)).toEqual({ lost: 1, doubled: 1 });
    expect(countByNumber(arrivals, 20, 40)).toEqual(new Map([['5', 2]]));
  });

  it('is overtaken when a later one to the same recipient came before it', () => {
    const arrivals = arrivalsOf([
      accepted(1, 0),
      accepted(3, 1),
      accepted(2, 2, '+2'),
      accepted(2, 3),
      accepted(4, 4),
    ]);
    expect(countOvertaken(arrivals)).toBe(1);
  });

  it('took its time, endless for what is missing', () => {
    const arrivals = arrivalsOf([accepted(1, 10), accepted(2, 25), accepted(3, 1)]);
    expect(
      delayOf(
        arrivals,
        new Map([
          [1, 5],
          [2, 5],
        ]),
        2,
      ),
    ).toMatchObject({ p50: 5, p95: 20, missing: 0, perSecond: 1 });
    expect(
      delayOf(
        arrivals,
        new Map([
          [1, 5],
          [4, 5],
        ]),
        2,
      ),
    ).toMatchObject({ p99: Infinity, missing: 1 });
  });
});
