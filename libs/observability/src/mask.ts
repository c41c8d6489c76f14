import { hash } from 'node:crypto';

/**
 * Meta's id of a message (wamid) as logs tell it: it has the person's phone in it, and random bits enough that nobody finds it by trying. Never
 * for a phone itself, of which there are too few: a phone is not logged in any form.
 * @returns the first 16 digits of its SHA-256
 */
export function hashOfWamid(wamid: string): string {
  return hash('sha256', wamid, 'hex').slice(0, 16);
}

/**
 * A text that others have written (Meta, a library), for logs and headers: without what looks like a phone, a wamid or a token of Meta's. Numbers of
 * eight digits and more go with it, also where they are no phone.
 * @param secrets what it must not repeat either, whatever it looks like
 */
export function scrub(text: string, secrets: readonly string[] = []): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((left, secret) => left.replaceAll(secret, '…'), text)
    .replace(/wamid\.[\w+/=-]+/g, 'wamid.…')
    .replace(/\bEAA\w{8,}/g, 'EAA…')
    .replace(/\+?\d[\d ]{6,}\d/g, '…');
}
