import { UsageError } from '../setup/run-tool';
import { readArguments } from './arguments';

describe('the arguments of the chaos', () => {
  it('say how long, with which seed, what goes wrong, and for whom', () => {
    expect(readArguments([])).toEqual({
      ...{ minutes: 2, seed: undefined, defect: undefined, json: false },
      tracks: ['mishaps', 'weather', 'processes', 'servers', 'network', 'surroundings'],
    });
    const all = '--minutes 0.75 --seed 0 --tracks servers,mishaps --defect no-ledger --json';
    expect(readArguments(all.split(' '))).toEqual({
      ...{ minutes: 0.75, seed: 0, tracks: ['mishaps', 'servers'], defect: 'no-ledger', json: true },
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
    [['--tracks', 'servers,weathers'], '--tracks must be some of mishaps,weather,processes,servers,network,'],
    [['--tracks', 'servers,servers'], '--tracks must be some of'],
    [['--tracks', ''], '--tracks must be some of'],
    [['--defect', 'many'], '--defect must be one of ack-before-write, no-ledger, no-fencing, no-limits'],
    [['--loud'], "Unknown option '--loud'"],
    [['now'], "Unexpected argument 'now'"],
  ])('are refused with what is wrong and the usage: %j', (args, problem) => {
    expect(() => readArguments(args)).toThrow(UsageError);
    expect(() => readArguments(args)).toThrow(problem);
    expect(() => readArguments(args)).toThrow('usage: npm run chaos');
  });
});
