import { type SendMessage } from '@talaria/contracts';
import { type ProbeResult } from '@talaria/whatsapp';
import { testLogger } from '../../../../test/kit/logger';
import { type BusinessNumber } from '../open-tokens';
import { createBreakers, PROVIDER } from './breakers';
import { type Decision } from './decide';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const error = { class: 'transient', message: 'out of order' };
const accepted: Decision = { kind: 'accepted', wamid: 'w' };
const retry: Decision = { kind: 'retry', delayMs: 1000, error };
const unknown: Decision = { kind: 'unknown', error };
const parked: Decision = { kind: 'wait', pause: 'parked', delayMs: 60_000, error };

function rig() {
  const world = {
    token: 'old' as string | undefined,
    isKnown: true,
    answer: 'away' as ProbeResult,
    probes: 0,
  };
  const changed: string[] = [];
  const breakers = createBreakers({
    client: { probe: () => (world.probes++, Promise.resolve(world.answer)) },
    registry: {
      find: (phoneNumberId) =>
        world.isKnown
          ? ({ phoneNumberId, wabaId: '900', accessToken: world.token } as BusinessNumber)
          : undefined,
    },
    logger: testLogger,
    onChange: (id) => changed.push(id),
  });
  let commands = 0;
  /** What a call of the number led to, for another command each time. */
  const judge = (phoneNumberId: string, decision: Decision, id = `c${commands++}`) =>
    breakers.judge({ id, wabaId: '900', phoneNumberId } as SendMessage, 'old', decision, performance.now());
  const calls = (id: string) => breakers.callsPerSecond(id, performance.now());
  return { world, breakers, judge, calls, changed };
}

describe('a number whose calls fail, whoever they are to', () => {
  it('is not called any more, and the commands that fail by then spend nothing', () => {
    const { judge, calls, changed } = rig();
    for (let n = 0; n < 4; n++) expect(judge('1', retry)).toBe(retry);
    expect(judge('1', retry)).toMatchObject({ kind: 'wait', pause: 'resting', error });
    expect(judge('1', { kind: 'dead-letter', cause: 'exhausted', error })).toMatchObject({ kind: 'wait' });
    expect([calls('1'), calls('2'), calls(PROVIDER)]).toEqual([0, Infinity, Infinity]);
    expect(changed).toEqual(['1']);
  });

  it('is called again, a little, when a probe was answered', async () => {
    const { world, breakers, judge, calls } = rig();
    for (let n = 0; n < 5; n++) judge('1', retry);
    await jest.advanceTimersByTimeAsync(1300);
    expect([world.probes, calls('1')]).toEqual([1, 0]);
    // Refused by its own token, but answered.
    world.answer = 'refused';
    await jest.advanceTimersByTimeAsync(2600);
    expect([world.probes, calls('1')]).toEqual([2, 1]);
    expect(breakers.growing()).toEqual([]);
    expect(judge('1', accepted)).toBe(accepted);
    expect(breakers.growing()).toEqual(['1']);
    expect(judge('1', retry)).toBe(retry);
    await jest.advanceTimersByTimeAsync(11_000);
    judge('1', accepted);
    expect([calls('1'), breakers.growing()]).toEqual([Infinity, []]);
  });

  it('is not one that answers between, nor one of whose commands one fails again and again', () => {
    const { judge, calls } = rig();
    for (let n = 0; n < 50; n++) judge('1', n % 4 === 0 ? accepted : retry);
    for (let n = 0; n < 50; n++) judge('1', retry, 'the same');
    for (let n = 0; n < 50; n++) judge('1', { ...retry, isOfMessage: true });
    expect(calls('1')).toBe(Infinity);
  });

  it('leaves a message that may have been sent unknown', () => {
    const { judge, calls } = rig();
    for (let n = 0; n < 9; n++) expect(judge('1', unknown)).toBe(unknown);
    expect(calls('1')).toBe(0);
  });
});

it('when the calls of several numbers fail, none is called', () => {
  const { judge, calls, breakers } = rig();
  for (let n = 0; n < 10; n++) judge(`${n % 3}`, retry);
  expect(calls(PROVIDER)).toBe(0);
  expect(breakers.count('trouble')).toBe(1);
  expect(judge('9', retry)).toMatchObject({ kind: 'wait' });
});

describe('a sender that Meta refuses', () => {
  it('is parked at once, alone or with its account, and everybody else is called', () => {
    const { judge, calls, breakers } = rig();
    judge('1', parked);
    judge('2', { ...parked, isOfAccount: true });
    expect([calls('1'), calls('2'), calls('900'), calls(PROVIDER)]).toEqual([0, Infinity, 0, Infinity]);
    expect(breakers.count('refused')).toBe(2);
  });

  it('is not asked about while its token does not open', async () => {
    const { world, breakers, judge, calls } = rig();
    judge('1', parked);
    Object.assign(world, { token: undefined, answer: 'well' });
    breakers.lookAgain();
    await jest.advanceTimersByTimeAsync(75_000);
    expect([world.probes, calls('1')]).toEqual([0, 0]);
    world.token = 'new';
    breakers.lookAgain();
    await jest.advanceTimersByTimeAsync(1);
    expect([world.probes, calls('1')]).toEqual([1, 1]);
  });

  it('is called again when a probe finds it well, once a second until one succeeds', async () => {
    const { world, judge, calls } = rig();
    judge('1', parked);
    world.answer = 'refused';
    await jest.advanceTimersByTimeAsync(75_000);
    expect([world.probes, calls('1')]).toEqual([1, 0]);
    world.answer = 'well';
    await jest.advanceTimersByTimeAsync(75_000);
    expect([world.probes, calls('1')]).toEqual([2, 1]);
    judge('1', parked);
    expect(calls('1')).toBe(0);
  });

  it('is probed at once when its token was replaced', async () => {
    const { world, breakers, judge, calls } = rig();
    judge('1', parked);
    world.answer = 'well';
    breakers.lookAgain();
    await jest.advanceTimersByTimeAsync(0);
    expect(world.probes).toBe(0);
    world.token = 'new';
    breakers.lookAgain();
    breakers.lookAgain();
    await jest.advanceTimersByTimeAsync(0);
    expect([world.probes, calls('1')]).toEqual([1, 1]);
  });

  it('holds nothing back when it is gone: its commands say so', async () => {
    const { world, judge, calls } = rig();
    judge('1', parked);
    world.isKnown = false;
    await jest.advanceTimersByTimeAsync(75_000);
    expect([world.probes, calls('1')]).toEqual([0, Infinity]);
  });
});
