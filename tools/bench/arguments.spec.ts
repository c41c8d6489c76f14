import { UsageError } from '../setup/run-tool';
import { listCases, readArguments } from './arguments';

const cases = {
  some: { summary: 'a case', parts: ['one', 'two', 'three'], usualParts: ['one', 'two'] },
  next: { summary: 'a case', parts: ['four'], usualParts: ['four'], usualRounds: 1 },
};
const readAll = (...args: string[]) => readArguments(args, cases);
const read = (...args: string[]) => readAll(...args)?.[0];

describe('the arguments of the benchmark', () => {
  it('name one case, or mean every case, one after the other', () => {
    expect(readAll('next')).toMatchObject([{ case: 'next' }]);
    expect(readAll('--rounds', '1')).toMatchObject([
      { case: 'some', parts: ['one', 'two'], rounds: 1 },
      { case: 'next', parts: ['four'], rounds: 1 },
    ]);
    expect(readAll('--long')).toMatchObject([{ parts: ['one', 'two', 'three'] }, { parts: ['four'] }]);
  });

  it('ask for the list of cases', () => {
    expect(readAll('--list')).toBeUndefined();
    expect(listCases(cases)).toMatch(/some {2}a case\n.*one, two, three/);
  });

  it('choose the usual parts, those that are named, or all', () => {
    expect(read('some')).toMatchObject({
      case: 'some',
      parts: ['one', 'two'],
      format: 'text',
      rounds: 3,
      seconds: undefined,
    });
    expect(read('some', '--only', 'three,one')?.parts).toEqual(['one', 'three']);
    expect(read('some', '--long', '--json')).toMatchObject({
      parts: ['one', 'two', 'three'],
      format: 'json',
    });
    expect(read('some', '--markdown')?.format).toBe('markdown');
  });

  it('take large numbers for what is counted in records and messages, and leave to the part what is not said', () => {
    expect(read('some', '--records', '1000000', '--messages', '2000')).toMatchObject({
      records: 1_000_000,
      messages: 2000,
    });
    expect(read('some')).toMatchObject({ records: undefined, messages: undefined, explain: false });
  });

  it('leave it to the case how many rounds there are when nobody says', () => {
    expect(read('next')?.rounds).toBe(1);
    expect(read('next', '--rounds', '2')?.rounds).toBe(2);
  });

  it.each([
    [['other']],
    [['toString']],
    [['--list', 'some']],
    [['--only', 'one']],
    [['some', '--json', '--markdown']],
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
