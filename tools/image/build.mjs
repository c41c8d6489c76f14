// `npm run image`: builds the Dockerfile, by docker (DOCKER names another program) or buildah, with the version, revision and time of this
// clone. NODE_IMAGE, NODE_DIGEST, RUN_IMAGE and RUN_DIGEST replace the bases, TALARIA_IMAGE the name; arguments go to the builder.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { env } = process;
const said = (command, ...args) => {
  const { status, stdout } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const changed = said('git', 'status', '--porcelain') ? '-changed' : '';
// Newer builders give the image itself this time; its files have none.
const epoch = env.SOURCE_DATE_EPOCH ?? said('git', 'log', '-1', '--format=%ct') ?? '0';
const settings = {
  VERSION: version,
  REVISION: `${said('git', 'rev-parse', 'HEAD') ?? 'unknown'}${changed}`,
  CREATED: new Date(Number(epoch) * 1000).toISOString(),
  SOURCE_DATE_EPOCH: epoch,
};
for (const name of ['NODE_IMAGE', 'NODE_DIGEST', 'RUN_IMAGE', 'RUN_DIGEST'])
  if (env[name]) settings[name] = env[name];

const docker = env.DOCKER || 'docker';
const builder =
  said(docker, 'info') !== undefined
    ? docker
    : said('buildah', '--version') !== undefined
      ? 'buildah'
      : undefined;
if (!builder) {
  console.error(
    `neither ${docker} (with a daemon that answers: "${docker} info") nor buildah is here: install one of them`,
  );
  process.exit(1);
}
const { status, error } = spawnSync(
  builder,
  [
    'build',
    ...(builder === 'buildah' ? ['--format', 'docker', '--layers'] : []),
    ...Object.entries(settings).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...['--tag', env.TALARIA_IMAGE || `talaria:${version}`],
    ...process.argv.slice(2),
    '.',
  ],
  { cwd: root, stdio: ['ignore', 2, 2], env: { ...env, DOCKER_BUILDKIT: '1' } },
);
if (error) console.error(`${builder} could not be started: ${error.message}`);
process.exit(status ?? 1);
