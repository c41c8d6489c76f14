import { UsageError } from '../setup/run-tool';
import { readArguments } from './arguments';

describe('the arguments of the soak', () => {
  it('say how long, with which seed and for whom', () => {
    expect(readArguments([])).toEqual({ minutes: 2, seed: undefined, json: false });
    expect(readArguments(['--minutes', '0.75', '--seed', '0', '--json'])).toEqual({
      minutes: 0.75,
      seed: 0,
      json: true,
    });
    expect(readArguments(['--seed', '4294967295']).seed).toBe(4_294_967_295);
  });

  it.each([
    [['--minutes', '0'], '--minutes must be a number from 0.5 to 1440'],
    [['--minutes', '1441'], '--minutes must be'],
    [['--minutes', '1e3'], '--minutes must be'],
    [['--minutes', ''], '--minutes must be'],
    [['--seed', '-1'], "'--seed' argument is ambiguous"],
    [['--seed', '1.5'], '--seed must be a whole number from 0 to 4294967295'],
    [['--seed', '4294967296'], '--seed must be'],
    [['--seed'], "'--seed <value>' argument missing"],
    [['--loud'], "Unknown option '--loud'"],
    [['now'], "Unexpected argument 'now'"],
  ])('are refused with what is wrong and the usage: %j', (args, problem) => {
    expect(() => readArguments(args)).toThrow(UsageError);
    expect(() => readArguments(args)).toThrow(problem);
    expect(() => readArguments(args)).toThrow('usage: npm run soak');
  });
});
