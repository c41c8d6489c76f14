import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryRoot } from '../stack/repository';

const directory = join(repositoryRoot(), '.github/workflows');
const files = readdirSync(directory).map((name) => ({
  name,
  path: join(directory, name),
  text: readFileSync(join(directory, name), 'utf8'),
}));
const actionlint = process.env.ACTIONLINT ?? 'actionlint';

type Workflow = {
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, { readonly permissions?: Readonly<Record<string, string>> }>>;
};
const jobsOf = (text: string) => Object.entries((parse(text) as Workflow).jobs);

describe.each(files)('the workflow $name', ({ text, path }) => {
  it('uses actions by commits, each with its version beside it', () => {
    const used = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));
    expect(used.length).toBeGreaterThan(0);
    for (const line of used) expect(line).toMatch(/uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('has no rights but those that a job asks for', () => {
    expect((parse(text) as Workflow).permissions).toEqual({});
    for (const [job, { permissions }] of jobsOf(text)) expect([job, permissions]).not.toContain(undefined);
  });

  const isThere = spawnSync(actionlint, ['-version']).error === undefined;
  const lint = () => {
    const { stdout, status } = spawnSync(actionlint, ['-no-color', path], { encoding: 'utf8' });
    expect([stdout, status]).toEqual(['', 0]);
  };
  if (isThere) it('is one for actionlint', lint);
  else
    it.skip(
      'is one for actionlint (skipped: go install github.com/rhysd/actionlint/cmd/actionlint@latest, or ACTIONLINT)',
      lint,
    );
});

it('only what publishes may write', () => {
  const writing = files.flatMap(({ name, text }) =>
    jobsOf(text)
      .filter(([, { permissions = {} }]) => Object.values(permissions).includes('write'))
      .map(([job]) => `${name} ${job}`),
  );
  expect(writing).toEqual(['release.yml image', 'release.yml release']);
});
