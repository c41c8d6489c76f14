import { isSigned, sign } from './signature';

const body = Buffer.from('{"object":"whatsapp_business_account","entry":[]}');
const header = 'sha256=c84a394cc475525991e78ff16e430b02e47f953877d2af0ade26956ce6f384dc';

describe('the signature of a webhook', () => {
  it('is the HMAC-SHA256 of the raw bytes under the app secret', () => {
    expect(sign(body, 'test-app-secret')).toBe(header);
    expect(isSigned(body, header, ['test-app-secret'])).toBe(true);
  });

  it('holds under either of two live secrets', () => {
    expect(isSigned(body, header, ['new-secret', 'test-app-secret'])).toBe(true);
    expect(isSigned(body, header, ['test-app-secret', 'new-secret'])).toBe(true);
    expect(isSigned(body, header, ['new-secret', 'other'])).toBe(false);
  });

  it('does not hold for other bytes that mean the same', () => {
    const escaped = Buffer.from('{"text":"\\u00e9"}');
    expect(isSigned(Buffer.from('{"text":"é"}'), sign(escaped, 's'), ['s'])).toBe(false);
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['SHA-1', 'sha1=c84a394cc475525991e78ff16e430b02e47f9538'],
    ['upper case', header.toUpperCase()],
    ['too short', header.slice(0, -2)],
    ['too long', `${header}00`],
    ['doubled', `${header}, ${header}`],
    ['sent twice', [header, header]],
    ['without the prefix', header.slice(7)],
  ])('does not hold when it is %s', (_, value) => {
    expect(isSigned(body, value, ['test-app-secret'])).toBe(false);
  });

  it('never holds without a secret', () => {
    expect(isSigned(body, sign(body, ''), [])).toBe(false);
  });
});
