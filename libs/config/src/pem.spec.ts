import { generateKeyPairSync } from 'node:crypto';
import { makeAuthority } from '../../../test/kit/certificates';
import { keyFault } from './pem';

it('tells what is wrong with an encrypted key and its passphrase', () => {
  const { certificate, key } = makeAuthority('test');
  expect(keyFault(key, undefined, certificate)).toBeUndefined();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const encrypted = privateKey
    .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'hunter2' })
    .toString();
  expect(keyFault(encrypted, undefined, certificate)).toBe('is encrypted, and its passphrase is missing');
  expect(keyFault(encrypted, 'hunter3', certificate)).toBe('does not open with its passphrase');
  expect(keyFault(encrypted, 'hunter2', certificate)).toBe('does not belong to the certificate');
  expect(keyFault(key.replace(/\n.+\n/, '\n'), undefined, certificate)).toBe('cannot be read');
});
