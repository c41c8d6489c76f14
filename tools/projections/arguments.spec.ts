import { readArguments } from './arguments';

describe('the arguments of the projections command', () => {
  it.each([
    [['status'], { verb: 'status', json: false, watch: false }],
    [['status', '--watch', '--json'], { verb: 'status', json: true, watch: true }],
    [['rebuild'], { verb: 'rebuild', json: false, detach: false }],
    [['rebuild', '--detach'], { verb: 'rebuild', json: false, detach: true }],
    [['promote'], { verb: 'promote', json: false }],
    [['promote', '3'], { verb: 'promote', json: false, version: 3 }],
    [['rollback'], { verb: 'rollback', json: false }],
    [['drop', '2'], { verb: 'drop', json: false, version: 2 }],
    [['compare'], { verb: 'compare', json: false }],
    [['compare', '1', '2'], { verb: 'compare', json: false, versions: [1, 2] }],
    [['checksum', '--version', '2'], { verb: 'checksum', json: false, version: 2 }],
    [
      ['retain', '--months', '24', '--dry-run'],
      { verb: 'retain', json: false, months: 24, drop: false, dryRun: true },
    ],
    [
      ['retain', '--months', '1', '--drop'],
      { verb: 'retain', json: false, months: 1, drop: true, dryRun: false },
    ],
    [['drop', '--help'], { verb: 'help', json: false }],
  ])('name what is to be done: %j', (args, expected) => {
    expect(readArguments(args)).toEqual(expected);
  });

  it.each([
    [[]],
    [['mend']],
    [['status', '1']],
    [['status', '--drop']],
    [['drop']],
    [['drop', 'two']],
    [['promote', '1', '2']],
    [['promote', '0']],
    [['compare', '1']],
    [['retain']],
    [['retain', '--months', '-1']],
    [['retain', '--months', '0']],
    [['rollback', '--json', '--no']],
  ])('are refused with the usage: %j', (args) => {
    expect(() => readArguments(args)).toThrow('usage: npm run projections --');
  });
});
