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
      seconds: undefined,
    });
    expect(read('some', '--only', 'three,one')?.parts).toEqual(['one', 'three']);
    expect(read('some', '--long', '--json')).toMatchObject({ parts: ['one', 'two', 'three'], json: true });
  });

  it('take large numbers for what is counted in records and messages, and leave to the part what is not said', () => {
    expect(read('some', '--records', '1000000', '--messages', '2000')).toMatchObject({
      records: 1_000_000,
      messages: 2000,
    });
    expect(read('some')).toMatchObject({ records: undefined, messages: undefined, explain: false });
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
    [['some', '--rounds', '10000']],
    [['some', '--records', '0']],
    [['some', '--seconds', '1.5']],
  ])('are refused with the usage: %j', (args) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(/usage: npm run bench/);
  });
});
