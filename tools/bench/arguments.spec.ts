import { UsageError } from '../setup/run-tool';
import { listCases, readArguments } from './arguments';

const cases = { some: { summary: 'a case', parts: ['one', 'two', 'three'], usualParts: ['one', 'two'] } };
const read = (...args: string[]) => readArguments(args, cases);

describe('the arguments of the benchmark', () => {
  it('ask for the list of cases when there are none', () => {
    expect(read()).toBeUndefined();
    expect(listCases(cases)).toMatch(/some {2}a case\n.*one, two, three/);
  });

  it('choose the usual parts, those that are named, or all', () => {
    expect(read('some')).toMatchObject({
      case: 'some',
      parts: ['one', 'two'],
      json: false,
      rounds: 3,
      seconds: 4,
    });
    expect(read('some', '--only', 'three,one')?.parts).toEqual(['one', 'three']);
    expect(read('some', '--long', '--json')).toMatchObject({ parts: ['one', 'two', 'three'], json: true });
  });

  it.each([
    [['other']],
    [['toString']],
    [['--json']],
    [['some', 'more']],
    [['some', '--unknown']],
    [['some', '--only', 'four']],
    [['some', '--only', 'one', '--long']],
    [['some', '--rounds', '0']],
    [['some', '--seconds', '1.5']],
  ])('are refused with the usage: %j', (args) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(/usage: npm run bench/);
  });
});
