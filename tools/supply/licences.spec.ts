import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAllowed, licencesPage } from './licences';
import { shipped } from './shipped';

const file = join(__dirname, '../../docs/reference/licences.md');
const withoutSpace = (text: string) => text.replace(/ +/g, ' ').replace(/-{2,}/g, '--');

describe('the licences of what is shipped', () => {
  it('are all allowed', () => {
    const all = shipped();
    expect(all.filter(({ licence }) => !isAllowed(licence))).toEqual([]);
    // What an install brings, and nothing that only tests need.
    const names = all.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['kafkajs', 'pg', '@nestjs/core']));
    expect(names).not.toContain('jest');
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0-only)', true],
    ['Apache-2.0 AND MIT', true],
    ['MIT AND GPL-3.0-only', false],
    ['GPL-3.0-only', false],
    ['SEE LICENSE IN LICENSE.md', false],
    ['none', false],
  ])('%s: %s', (expression, expected) => expect(isAllowed(expression)).toBe(expected));

  it('are listed in the reference (UPDATE_DOCS=1 rewrites the page)', () => {
    const page = licencesPage();
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, page);
    expect(withoutSpace(readFileSync(file, 'utf8'))).toBe(withoutSpace(page));
  });
});
