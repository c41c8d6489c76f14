import { createWorkingClock } from './working-clock';

describe('the working clock', () => {
  let now = 0;
  /** Time goes by, and timers are called meanwhile. */
  const pass = (ms: number) => {
    for (const until = now + ms; now < until;) {
      now += 100;
      jest.advanceTimersByTime(100);
    }
  };

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['performance'] });
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('goes while nothing is away, and stands while something is', () => {
    let isHeldUp = false;
    const clock = createWorkingClock(() => isHeldUp);
    pass(10_000);
    expect(clock.now()).toBe(10_000);
    isHeldUp = true;
    pass(60_000);
    expect(clock.now()).toBe(10_000);
    isHeldUp = false;
    pass(5000);
    expect(clock.now()).toBe(15_000);
    clock.close();
    pass(5000);
    expect(clock.now()).toBe(15_000);
  });

  it('does not count the time in which the process was frozen', () => {
    const clock = createWorkingClock(() => false);
    pass(1000);
    now += 300_000;
    pass(1000);
    expect(clock.now()).toBeLessThanOrEqual(3000);
    clock.close();
  });
});
