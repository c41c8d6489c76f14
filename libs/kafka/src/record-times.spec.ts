import { RecordTimes } from './record-times';

describe('the times of records', () => {
  it('are those of the record itself, or of the last noted before it', () => {
    const times = new RecordTimes();
    expect(times.at(0)).toBeUndefined();
    times.note(10, 1000);
    times.note(20, 2000);
    expect(times.at(9)).toBeUndefined();
    expect(times.at(10)).toBe(1000);
    expect(times.at(19)).toBe(1000);
    expect(times.at(25)).toBe(2000);
  });

  it('are few, however many are noted in a moment', () => {
    const times = new RecordTimes();
    for (let offset = 0; offset < 1000; offset++) times.note(offset, 5000 + offset / 100);
    expect(times.at(999)).toBe(5000);
  });

  it('follow where reading goes back', () => {
    const times = new RecordTimes();
    times.note(10, 1000);
    times.note(20, 2000);
    times.note(15, 1500);
    expect(times.at(25)).toBe(1500);
  });
});
