import { untilPaced } from './until-paced';

describe('a call that waits for its moment', () => {
  const START = 1000;
  let now: number;
  beforeEach(() => {
    jest.useFakeTimers();
    now = START;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });
  /** One of the given moments for each time it is asked. */
  const paceOf = (...moments: number[]) => jest.fn(() => moments.shift()!);
  async function pass(ms: number, frozenMs = 0): Promise<void> {
    now += ms + frozenMs;
    await jest.advanceTimersByTimeAsync(ms);
  }

  it('leaves at once when that is now, and in time otherwise', async () => {
    await untilPaced(paceOf(START));
    const pace = paceOf(START + 80);
    const left = jest.fn();
    void untilPaced(pace).then(left);
    await pass(79);
    expect(left).not.toHaveBeenCalled();
    await pass(1);
    expect(left).toHaveBeenCalledTimes(1);
    expect(pace).toHaveBeenCalledTimes(1);
  });

  it('asks once more when the process stood still meanwhile', async () => {
    const pace = paceOf(START + 80, START + 3200);
    const left = jest.fn();
    void untilPaced(pace).then(left);
    await pass(80, 3000);
    expect(left).not.toHaveBeenCalled();
    await pass(120, 3000);
    expect(left).toHaveBeenCalledTimes(1);
    expect(pace).toHaveBeenCalledTimes(2);
  });
});
