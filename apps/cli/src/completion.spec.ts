import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../testing/run-cli';

const shellOf = (name: string) => (spawnSync(name, ['--version']).status === 0 ? name : undefined);

describe('the completion of bash', () => {
  let script: string;
  beforeAll(async () => (script = (await runCli(['completion', 'bash'])).out));

  /** What bash would offer for the last of these words. */
  function offered(...words: string[]): string[] {
    const line = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(talaria ${line}); COMP_CWORD=${words.length}; _talaria; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-uc', `${script}\n${ask}`], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    return stdout.split('\n').filter((word) => word !== '');
  }

  it('completes nouns, verbs, flags, and the words and files that flags take', () => {
    expect(offered('')).toEqual(expect.arrayContaining(['topics', 'dead-letters', 'spool', 'completion']));
    expect(offered('to')).toEqual(['topics']);
    expect(offered('topics', '')).toEqual(['list', 'diff', 'apply', 'acls']);
    expect(offered('topics', 'apply', '--d')).toEqual(['--dry-run']);
    expect(offered('topics', 'apply', '--dry-run', '-')).toEqual(['--output', '--dry-run', '--help']);
    expect(offered('dead-letters', 'list', '--state', '')).toEqual(['open', 'redriven', 'discarded', 'all']);
    expect(offered('dead-letters', 'list', '--waba', '')).toEqual([]);
    expect(offered('topics', 'list', '-o', 'j')).toEqual(['json']);
    const directory = mkdtempSync(join(tmpdir(), 'talaria-'));
    writeFileSync(join(directory, 'body.json'), '');
    expect(offered('webhooks', 'verify', '--file', join(directory, 'bo'))).toEqual([
      join(directory, 'body.json'),
    ]);
    rmSync(directory, { recursive: true });
    expect(offered('no-such', '')).toEqual(offered(''));
  });
});

describe('the completion of zsh', () => {
  it('describes what it offers, quoted', async () => {
    const { out } = await runCli(['completion', 'zsh']);
    expect(out).toMatch(/^#compdef talaria\n/);
    expect(out).toContain(`'apply:creates the topics that are missing'`);
    expect(out).toContain(`(--code) candidates=() ;;`);
    expect(out).toContain(`'--code:Meta'\\''s code'`);
  });

  const zsh = shellOf('zsh');
  (zsh === undefined ? it.skip : it)(
    `is a script that zsh takes (needs zsh: ${zsh ?? 'not here'})`,
    async () => {
      const { out } = await runCli(['completion', 'zsh']);
      const { status, stderr } = spawnSync('zsh', ['-fnc', out], { encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    },
  );
});
