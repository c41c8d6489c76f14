import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import nest from '../../nest-cli.json';
import { argumentsOf, readRepositoryFile } from '../deployment/compose-file';

const dockerfile = readRepositoryFile('Dockerfile').replaceAll('\\\n', ' ');
const lines = dockerfile.split('\n').filter((line) => /^[A-Z]/.test(line));
const after = (instruction: string, from = lines) =>
  from.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1));
const shipped = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')) + 1);

describe('the Dockerfile', () => {
  it('takes its bases as arguments, with a tag that is not latest and a place for a digest', () => {
    const { NODE_IMAGE, RUN_IMAGE } = argumentsOf(dockerfile);
    for (const image of [NODE_IMAGE, RUN_IMAGE]) {
      expect(image).toMatch(/^[\w./-]+:[\w.-]+$/);
      expect(image).not.toMatch(/:latest$/);
    }
    expect(after('FROM')).toEqual([
      '${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}} AS packages',
      'packages AS dependencies',
      'packages AS build',
      '${RUN_IMAGE}${RUN_DIGEST:+@${RUN_DIGEST}}',
    ]);
  });

  it('is of the Node that Talaria needs', () => {
    expect(argumentsOf(dockerfile).NODE_IMAGE).toMatch(/^node:20\.(19|[2-9]\d)\.\d+-/);
  });

  it('ships what was made before, starts it without a shell, and not as root', () => {
    expect(after('RUN', shipped)).toEqual([]);
    expect(after('COPY', shipped).every((copy) => copy.startsWith('--from='))).toBe(true);
    expect(after('USER', shipped)).toEqual(['10001:10001']);
    const started = [...after('ENTRYPOINT', shipped), ...after('CMD', shipped)];
    expect(started.map((text) => JSON.parse(text) as unknown)).toEqual([
      ['node', '--enable-source-maps', '/app/start.cjs'],
      ['help'],
    ]);
    expect(after('HEALTHCHECK', shipped).join()).toMatch(/CMD \["node", "\/app\/healthy\.cjs"\]$/);
  });

  it('is given by .dockerignore what it copies, and nothing else', () => {
    const copied = after('COPY')
      .filter((copy) => !copy.startsWith('--from='))
      .flatMap((copy) => copy.split(/\s+/).slice(0, -1));
    const ignore = readRepositoryFile('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(ignore[0]).toBe('*');
    const allowed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(allowed).toEqual([...new Set(copied)].sort());
  });
});

describe('the first process of the image', () => {
  const start = (...words: string[]) =>
    spawnSync(process.execPath, [join(__dirname, 'start.cjs'), ...words], { encoding: 'utf8' });

  it('tells what it can start: each app and the command', () => {
    const { stdout, status } = start();
    const apps = Object.keys(nest.projects).filter((name) => name !== 'cli');
    expect(stdout).toContain(apps.join(' | '));
    expect(stdout).toContain('talaria …');
    expect(status).toBe(0);
  });

  it('refuses what it does not know, with what there is', () => {
    const { stderr, status } = start('responder');
    expect(stderr).toContain('There is no "responder" in this image.');
    expect(stderr).toContain('ingestion | processor');
    expect(status).toBe(2);
  });
});

describe('the health check of the image', () => {
  it('fails with the reason when nothing listens', () => {
    const { stderr, status } = spawnSync(
      process.execPath,
      [join(__dirname, 'healthy.cjs'), 'http://127.0.0.1:1/health/ready'],
      { encoding: 'utf8' },
    );
    expect(stderr).toMatch(/^http:\/\/127\.0\.0\.1:1\/health\/ready: connect ECONNREFUSED/);
    expect(status).toBe(1);
  });
});
