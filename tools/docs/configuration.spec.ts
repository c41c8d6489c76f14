import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from './configuration';

const file = join(__dirname, '../../docs/reference/configuration.md');
const withoutSpace = (text: string) => text.replace(/ +/g, ' ').replace(/-{2,}/g, '--');

describe('the configuration reference', () => {
  it('names every variable as the code reads it (UPDATE_DOCS=1 rewrites the page)', () => {
    const page = configurationPage();
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, page);
    expect(withoutSpace(readFileSync(file, 'utf8'))).toBe(withoutSpace(page));
  });
});
