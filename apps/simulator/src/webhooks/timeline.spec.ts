import fc from 'fast-check';
import { Timeline } from './timeline';

describe('Timeline', () => {
  it('gives out by time, and in the order of arrival at the same time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const timeline = new Timeline<{ at: number; index: number }>();
        times.forEach((at, index) => timeline.add(at, { at, index }));
        const taken: { at: number; index: number }[] = [];
        for (let item = timeline.takeDue(20); item !== undefined; item = timeline.takeDue(20))
          taken.push(item);
        expect(taken).toEqual(
          times.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at || a.index - b.index),
        );
      }),
    );
  });

  it('keeps what is not due', () => {
    const timeline = new Timeline<string>();
    timeline.add(10, 'later');
    expect(timeline.takeDue(9)).toBeUndefined();
    expect(timeline.nextAt).toBe(10);
    expect(timeline.takeDue(10)).toBe('later');
    expect(timeline.size).toBe(0);
  });
});
