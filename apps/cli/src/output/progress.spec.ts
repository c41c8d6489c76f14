import { barOf, progressText, startProgress } from './progress';

describe('the progress of long work', () => {
  it('tells how much is done, how fast, and how long it takes still', () => {
    const letters = { from: 0, total: 1000, unit: 'letters' };
    expect(progressText({ ...letters, done: 250 }, 5000)).toBe(
      '250 of 1000 letters, 50 a second, about 15 s left',
    );
    expect(progressText({ ...letters, done: 250, from: 240 }, 5000)).toBe(
      '250 of 1000 letters, 2 a second, about 375 s left',
    );
    expect(progressText({ ...letters, done: 0 }, 5000)).toBe('0 of 1000 letters, 0 a second');
    expect(barOf(250, 1000)).toBe('[██████░░░░░░░░░░░░░░░░░░]');
    expect([barOf(0, 0), barOf(9, 3)]).toEqual([`[${'░'.repeat(24)}]`, `[${'█'.repeat(24)}]`]);
  });

  it('is a bar that goes away on a terminal, and now and then a line elsewhere', () => {
    jest.useFakeTimers({ now: 0 });
    const written = (isTTY: boolean) => {
      let text = '';
      const stderr = { isTTY, write: (more: string) => (text += more) };
      const say = (line: string) => (text += `${line}\n`);
      const progress = startProgress({ stderr, say } as never, 'letters');
      for (let second = 1; second <= 5; second++) {
        jest.advanceTimersByTime(1000);
        progress.at(second * 10, 100);
      }
      progress.end();
      return text;
    };
    expect(written(false)).toBe('50 of 100 letters, 10 a second, about 5 s left\n');
    const shown = written(true).split('\r\u001b[2K');
    expect(shown).toHaveLength(7);
    expect(shown[5]).toBe('[████████████░░░░░░░░░░░░] 50 of 100 letters, 10 a second, about 5 s left');
    expect(shown[6]).toBe('');
    jest.useRealTimers();
  });
});
