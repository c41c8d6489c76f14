// Makes dist/client, which `npm publish dist/client` ships: one program and one file of types, in which our own libs are contained.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateDtsBundle } from 'dts-bundle-generator';
import { build } from 'esbuild';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const client = join(root, 'libs/client');
const dist = join(root, 'dist/client');
const entry = join(client, 'src/index.ts');
const { dependencies } = createRequire(import.meta.url)(join(client, 'package.json'));

/** Of our libs, only what is used: a module that nobody imports from has nothing to do, but for those that mend kafkajs. */
const mends = join(root, 'libs/kafka/src/mends');

const ours = {
  name: 'ours',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^(@talaria\/|\.)/ }, ({ path, resolveDir }) => {
      const named = path.startsWith('@') ? join(root, 'libs', path.slice(9), 'src') : join(resolveDir, path);
      if (!named.startsWith(join(root, 'libs'))) return undefined;
      const file = [`${named}.ts`, join(named, 'index.ts')].find(existsSync);
      return file && { path: file, sideEffects: file.startsWith(mends) };
    });
    // A product has metrics of its own.
    onResolve({ filter: /^prom-client$/ }, () => ({ path: 'no-metrics', namespace: 'ours' }));
    onLoad({ filter: /^no-metrics$/, namespace: 'ours' }, () => ({
      contents:
        'exports.Counter = class { inc() {} }; exports.register = { removeSingleMetric() {} }; exports.Gauge = class {};',
    }));
  },
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const { metafile } = await build({
  entryPoints: [entry],
  outfile: join(dist, 'index.js'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  packages: 'external',
  plugins: [ours],
  metafile: true,
  logLevel: 'warning',
  // What acts when it is loaded, and would not be.
  logOverride: { 'ignored-bare-import': 'error' },
  tsconfig: join(root, 'tsconfig.json'),
});
const [output] = Object.values(metafile.outputs);
const lost = readdirSync(mends)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && name !== 'index.ts')
  .filter((name) => !output.inputs[relative(process.cwd(), join(mends, name))]?.bytesInOutput);
if (lost.length > 0) throw new Error(`it would not mend kafkajs by ${lost.join(', ')}`);
const strangers = output.imports
  .map(({ path }) => path)
  .filter(
    (path) =>
      !isBuiltin(path) && !Object.keys(dependencies).some((name) => `${path}/`.startsWith(`${name}/`)),
  );
if (strangers.length > 0)
  throw new Error(`it would import ${strangers.join(', ')}, which its package.json does not name`);
const [types] = generateDtsBundle(
  [
    {
      filePath: entry,
      output: { noBanner: true, exportReferencedTypes: false },
      libraries: { inlinedLibraries: [] },
    },
  ],
  { preferredConfigPath: join(root, 'tools/client/tsconfig.json') },
);
// The class has nothing but fields, and there is none in the program.
writeFileSync(
  join(dist, 'index.d.ts'),
  types.replace('export declare class SendMessage', 'export interface SendMessage'),
);
for (const file of ['package.json', 'README.md']) copyFileSync(join(client, file), join(dist, file));
copyFileSync(join(root, 'LICENSE'), join(dist, 'LICENSE'));
