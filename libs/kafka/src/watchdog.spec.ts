import { Watchdog } from './watchdog';

describe('the watchdog of a consumer', () => {
  const HANGS = 'has neither asked the brokers nor tried to for 120 s';
  let now: number;
  let watchdog: Watchdog;

  beforeEach(() => {
    now = 0;
    watchdog = new Watchdog({ now: () => now });
  });

  /** Signs of life go on, so that only what else may be wrong is told. */
  const faultAt = (ms: number, joiningMs = 0) => {
    now = ms;
    watchdog.sign();
    return watchdog.fault(joiningMs);
  };

  it('takes what is asked of the brokers for a sign of life, but not what the metrics ask', () => {
    now = 60_000;
    watchdog.asked('Fetch');
    now = 119_000;
    for (const apiName of ['ListOffsets', 'Metadata']) watchdog.asked(apiName);
    now = 180_000;
    expect(watchdog.fault(0)).toBeUndefined();
    now = 180_001;
    expect(watchdog.fault(0)).toBe(HANGS);
    watchdog.sign();
    expect(watchdog.fault(0)).toBeUndefined();
  });

  it('names a handler that has not ended, nor said that it is alive, until it ends', async () => {
    let end: () => void = () => undefined;
    let alive: () => void = () => undefined;
    const work = watchdog.handle((given) => ((alive = given), new Promise((resolve) => (end = resolve))));
    expect(faultAt(120_000)).toBeUndefined();
    alive();
    expect(faultAt(240_000)).toBeUndefined();
    expect(faultAt(240_001)).toBe('a batch is not handled after 120 s');
    end();
    await work;
    expect(faultAt(240_002)).toBeUndefined();
    expect(watchdog.atWork).toEqual([]);
  });

  it('fails as a handler does, which may say at once that it is alive', async () => {
    const work = watchdog.handle((alive) => (alive(), Promise.reject(new Error('broken'))));
    expect(watchdog.atWork).toHaveLength(1);
    await expect(work).rejects.toThrow('broken');
    expect(watchdog.atWork).toEqual([]);
  });

  it('names a join with which nobody goes on', () => {
    expect(faultAt(0, 120_000)).toBeUndefined();
    expect(faultAt(0, 120_001)).toBe('has asked to join its group 120 s ago, and sends heartbeats only');
  });
});
