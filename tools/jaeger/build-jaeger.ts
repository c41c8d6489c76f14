import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { binaryPlace } from './jaeger';

/** The newest that its Go module's path can name: Jaeger 2.13. */
const MODULE = 'github.com/jaegertracing/jaeger@v1.76.0';

/**
 * Builds Jaeger from its Go module, in the module's own folder and by its own checksums: it has replacements of modules, and so cannot be had by
 * `go install`.
 */
export async function buildJaeger(say: (line: string) => void): Promise<string> {
  const place = binaryPlace();
  say(`Building Jaeger from ${MODULE} into ${place}: about 8 minutes of CPU time, once.`);
  const { status, stdout, error } = spawnSync('go', ['mod', 'download', '-json', MODULE], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined)
    throw new Error(
      'Jaeger cannot be built without Go: install Go 1.24 or newer, or let JAEGER name a Jaeger 2 program',
    );
  if (status !== 0) throw new Error(`go mod download ${MODULE} failed:\n${stdout}`);
  const { Dir: directory } = JSON.parse(stdout) as { Dir: string };
  mkdirSync(dirname(place), { recursive: true });
  const build = ['build', '-C', directory, '-trimpath', '-ldflags=-s -w', '-o', place, './cmd/jaeger'];
  const code = await new Promise<number>((resolve, reject) => {
    const child = spawn('go', build, { stdio: ['ignore', 2, 2] });
    child.once('error', reject);
    child.once('exit', (exit) => resolve(exit ?? 1));
  });
  if (code !== 0) throw new Error(`go build of ${MODULE} failed with exit code ${code}`);
  return place;
}
