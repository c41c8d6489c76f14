import { readArguments } from './arguments';

describe('the arguments of the spool command', () => {
  it('name a verb and a folder, by --dir or by SPOOL_DIR', () => {
    expect(readArguments(['status'], { SPOOL_DIR: '/spool' })).toEqual({
      verb: 'status',
      directory: '/spool',
      json: false,
    });
    expect(readArguments(['replay', '--dir', '/other', '--json'], { SPOOL_DIR: '/spool' })).toEqual({
      verb: 'replay',
      directory: '/other',
      json: true,
    });
  });

  it.each([[[]], [['mend']], [['status', 'more']], [['status', '--folder', 'x']], [['verify']]])(
    'are refused with the usage: %j',
    (args) => {
      expect(() => readArguments(args, {})).toThrow('usage: npm run spool -- status|verify|replay');
    },
  );
});
