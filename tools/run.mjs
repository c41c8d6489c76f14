// What `npm run <script>` starts. It needs nothing but Node, so that every script works from a clean clone:
// it installs when node_modules does not match the lock file, builds when the script needs the build, then runs.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const say = (text) => process.stderr.write(`${text}\n`);

/** Runs a program to its end and stops this process when it failed. Its output goes to standard error: standard output belongs to the script. */
function run(title, command, args) {
  say(`» ${title}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) say(`${command} could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

function install() {
  const mark = join(root, 'node_modules', '.talaria-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  run('installing dependencies (about a minute)', 'npm', [
    'ci',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  writeFileSync(mark, wanted);
}

function build() {
  run('building', bin('nest'), ['build']);
  // The compiler keeps its first line and not that it may be run.
  chmodSync(join(root, 'dist/apps/cli/src/main.js'), 0o755);
}

/** Runs a built program in this very process, so that signals reach it without a middleman. */
async function start(program) {
  process.argv.splice(2, 1);
  await import(pathToFileURL(join(root, 'dist', program)).href);
}

/** Runs programs beside each other to their ends, shows what each said when it has ended, and stops this process when one failed. */
async function runTogether(programs) {
  const codes = await Promise.all(
    programs.map(async ([title, command, args]) => {
      const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
      const said = [];
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => said.push(part));
      const [code] = await once(child, 'close');
      say(`» ${title}`);
      process.stderr.write(Buffer.concat(said));
      return code ?? 1;
    }),
  );
  if (codes.some((code) => code !== 0)) process.exit(1);
}

const scripts = {
  build,
  demo: () => (build(), start('tools/demo/main.js')),
  stack: () => (build(), start('tools/stack/main.js')),
  test: () => (build(), start('tools/test/main.js')),
  bench: () => (build(), start('tools/bench/main.js')),
  jaeger: () => (build(), start('tools/jaeger/main.js')),
  kubernetes: () => (build(), start('tools/kubernetes/main.js')),
  chaos: () => (build(), start('tools/chaos/main.js')),
  migrate() {
    build();
    process.argv.splice(3, 0, 'database', 'migrate');
    return start('apps/cli/src/main.js');
  },
  talaria: () => (build(), start('apps/cli/src/main.js')),
  image: () =>
    run('the image', process.execPath, [join(root, 'tools/image/build.mjs'), ...process.argv.slice(3)]),
  client: () => run('the package of libs/client', process.execPath, [join(root, 'tools/client/build.mjs')]),
  advisories: () => (build(), start('tools/supply/advisories.js')),
  /** To standard output, as CycloneDX. */
  sbom: () => (build(), start('tools/supply/sbom.js')),
  /** With --no-tests what tests do not find: for whoever runs all of them anyway. */
  async check() {
    await runTogether([
      ['format', bin('prettier'), ['--check', '--log-level=warn', '.']],
      ['lint', bin('eslint'), ['--max-warnings=0', '.']],
      ['types', bin('tsc'), ['--noEmit', '--incremental', 'false']],
      ['arrows', bin('depcruise'), ['--output-type', 'err', 'apps', 'libs', 'tools', 'test', 'examples']],
    ]);
    if (!process.argv.includes('--no-tests')) run('unit tests', bin('jest'), ['--selectProjects', 'unit']);
  },
  fix() {
    run('lint', bin('eslint'), ['--fix', '.']);
    run('format', bin('prettier'), ['--write', '--log-level=warn', '.']);
  },
};

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  say(`Talaria needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}
const script = scripts[process.argv[2]];
if (!script) {
  say(`usage: npm run <${Object.keys(scripts).join('|')}>`);
  process.exit(2);
}
install();
await script();
