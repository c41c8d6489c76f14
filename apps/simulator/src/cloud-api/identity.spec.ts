import { userIdOf, waIdOf, WamidSource } from './identity';

describe('waIdOf', () => {
  test.each([
    ['15550001111', '15550001111'],
    ['525512345678', '5215512345678'],
    ['5548912345678', '554812345678'],
    ['5511912345678', '5511912345678'],
  ])('knows %s as %s', (dialled, waId) => {
    expect(waIdOf(dialled)).toBe(waId);
  });
});

describe('userIdOf', () => {
  it('begins with the country and differs for each phone', () => {
    expect(userIdOf('4915112345678')).toMatch(/^DE\.\d+$/);
    expect(userIdOf('4915112345678')).not.toBe(userIdOf('4915112345679'));
  });
});

describe('WamidSource', () => {
  it('makes wamids that decode to the digits of the other party, and never the same twice', () => {
    const source = new WamidSource();
    const wamids = Array.from({ length: 1000 }, () => source.outbound('4915112345678'));
    expect(new Set(wamids).size).toBe(1000);
    expect(Buffer.from(wamids[0]!.slice('wamid.'.length), 'base64').toString('latin1')).toContain(
      '4915112345678',
    );
  });

  test.each(['12345', '123456789012345', 'US.13491208655302741918', `US.${'9'.repeat(128)}`])(
    'makes 50 to 100 characters for %s',
    (party) => {
      const source = new WamidSource();
      for (const wamid of [source.outbound(party), source.inbound(party)]) {
        expect(wamid.length).toBeGreaterThanOrEqual(50);
        expect(wamid.length).toBeLessThanOrEqual(100);
      }
    },
  );
});
