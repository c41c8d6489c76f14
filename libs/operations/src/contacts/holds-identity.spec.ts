import { holdsIdentity } from './holds-identity';

const PHONE = '16505551234';

it.each([
  ['{"from":"16505551234"}', true],
  ['+16505551234', true],
  ['wa.me/16505551234?x', true],
  ['{"id":"116505551234"}', false],
  ['{"id":"16505551234567"}', false],
  ['916505551234 and 16505551234', true],
  ['US.1', false],
  ['', false],
])('finds a phone as a whole in %s: %s', (text, found) => {
  expect(holdsIdentity(Buffer.from(text), [PHONE])).toBe(found);
});

it('finds any of several, in bytes that are no text', () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from('US.12.'), Buffer.from([0xfe])]);
  expect(holdsIdentity(bytes, [PHONE, 'US.12'])).toBe(true);
  expect(holdsIdentity(bytes, [PHONE, 'US.1'])).toBe(false);
});
