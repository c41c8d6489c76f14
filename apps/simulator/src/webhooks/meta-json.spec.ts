import { metaJson, signatureOf } from './meta-json';

describe('metaJson', () => {
  it('escapes slashes and non-ASCII as Meta does', () => {
    expect(metaJson({ body: 'é/😀\u00a0\u007f"\n' })).toBe(
      '{"body":"\\u00e9\\/\\ud83d\\ude00\\u00a0\u007f\\"\\n"}',
    );
  });

  it('keeps the meaning', () => {
    const value = { a: 'Grüße https://example.com/ñ 👨‍👩‍👧', b: [1.5, null, true], c: '\ud800' };
    expect(JSON.parse(metaJson(value))).toEqual(value);
  });
});

describe('signatureOf', () => {
  it('signs the known bytes with the known result', () => {
    expect(signatureOf('{"object":"whatsapp_business_account","entry":[]}', 'test-app-secret')).toBe(
      'sha256=c84a394cc475525991e78ff16e430b02e47f953877d2af0ade26956ce6f384dc',
    );
  });
});
