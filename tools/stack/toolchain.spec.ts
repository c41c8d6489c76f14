import { majorVersion, requireJava } from './toolchain';

describe('the version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['The operation couldn’t be completed. Unable to locate a Java Runtime.', undefined],
  ])('is read from %j', (printed, major) => expect(majorVersion(printed)).toBe(major));
});

describe('a machine without Java and Maven', () => {
  it('is told in one error what is missing and every way out', () => {
    const start = () => requireJava({ PATH: '/nowhere' }, true);
    for (const words of ['JDK 17', 'Maven 3.8', 'KAFKA_BROKERS', 'DATABASE_URL', 'docker compose up -d']) {
      expect(start).toThrow(words);
    }
  });

  it('is not asked for Maven when the jars are there', () => {
    expect(() => requireJava({ PATH: '/nowhere' }, false)).not.toThrow('Maven 3.8');
  });
});
