import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../stack/repository';
import { rightsTable } from './kafka-rights';

const squeezed = (text: string) => text.replace(/ +/g, ' ').replace(/-+/g, '-');

it('docs/operations/kafka.md has the rights as they are declared', () => {
  const page = join(repositoryRoot(), 'docs/operations/kafka.md');
  const [head = '', , tail = ''] = readFileSync(page, 'utf8').split(/<!-- \/?rights -->\n/);
  const wanted = `${head}<!-- rights -->\n\n${rightsTable()}\n\n<!-- /rights -->\n${tail}`;
  if (process.env.UPDATE_DOCS) writeFileSync(page, wanted);
  expect(squeezed(readFileSync(page, 'utf8'))).toBe(squeezed(wanted));
});
