import { binaryPlace, findJaeger } from './jaeger';

describe('the Jaeger of this machine', () => {
  it('is the one that JAEGER names', () => {
    expect(findJaeger({ JAEGER: process.execPath })).toBe(process.execPath);
  });

  it('is told to be missing where JAEGER names none', () => {
    expect(() => findJaeger({ JAEGER: '/nowhere/jaeger' })).toThrow(
      'JAEGER names /nowhere/jaeger, which is not there',
    );
  });

  it('is otherwise the one that was built, if any', () => {
    expect([undefined, binaryPlace()]).toContain(findJaeger({ JAEGER: '' }));
  });
});
