import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { Child } from '../stack/child';
import { freePorts } from '../stack/ports';
import { repositoryRoot } from '../stack/repository';

/** What an API server says to an object: whether it takes it, and with which warnings. */
export type Verdict = { readonly taken: boolean; readonly says: readonly string[] };

/** A real API server without nodes, on this machine alone. It admits as one in a cluster does; nothing runs. */
export type ApiServer = {
  /** @param dryRun checked and admitted like any other, and not kept */
  apply(manifest: object, dryRun: boolean): Promise<Verdict>;
  /** Resolves when it serves the kind. */
  serves(apiVersion: string, kind: string): Promise<void>;
  stop(): Promise<void>;
};

type Named = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

const READY_WITHIN_MS = 120_000;
const etcd = process.env.ETCD ?? 'etcd';

export async function startApiServer(program: string): Promise<ApiServer> {
  if (spawnSync(etcd, ['--version']).error !== undefined)
    throw new Error(
      'The API server keeps its objects in etcd: install it (Debian: etcd-server), or let ETCD name it',
    );
  const place = join(repositoryRoot(), '.talaria/kubernetes');
  mkdirSync(place, { recursive: true });
  const directory = mkdtempSync(join(place, 'server-'));
  const [store = 0, peer = 0, port = 0] = await freePorts(3);
  const child = (name: string, command: string, args: readonly string[]) =>
    new Child({
      ...{ name, command, args, cwd: directory, env: process.env },
      log: join(directory, `${name}.log`),
      pidFile: join(repositoryRoot(), '.talaria/pids', `${name}-${port}`),
      stopSignal: 'SIGTERM',
      killSignal: 'SIGKILL',
    });
  const at = (own: number) => `http://127.0.0.1:${own}`;
  const storage = child('etcd', etcd, [
    ...['--data-dir', join(directory, 'data'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', at(store), '--advertise-client-urls', at(store)],
    ...['--listen-peer-urls', at(peer)],
  ]);
  const token = randomBytes(16).toString('hex');
  const server = child('kube-apiserver', program, [
    `--etcd-servers=${at(store)}`,
    ...['--bind-address=127.0.0.1', `--secure-port=${port}`, `--cert-dir=${join(directory, 'certificates')}`],
    ...['--service-cluster-ip-range=10.0.0.0/24', '--endpoint-reconciler-type=none'],
    ...['--service-account-issuer=https://kubernetes.default.svc', ...keysIn(directory)],
    ...[`--token-auth-file=${tokenIn(directory, token)}`, '--authorization-mode=RBAC'],
    // Nobody makes the tokens of service accounts here.
    '--disable-admission-plugins=ServiceAccount',
  ]);
  // Its certificate is its own, made at its start, and it listens to this machine only.
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  const ask: Ask = async (method, path, body) => {
    const answer = await request(`https://127.0.0.1:${port}${path}`, {
      ...{ method, dispatcher },
      headers: {
        authorization: `Bearer ${token}`,
        // A question that has one is refused.
        ...(body !== undefined && { 'content-type': 'application/apply-patch+yaml' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const warnings = [answer.headers.warning ?? []].flat();
    return { status: answer.statusCode, warnings, text: await answer.body.text() };
  };
  const stop = async () => {
    await dispatcher.destroy();
    // The server first: it would look for its storage for a minute.
    await server.stop();
    await storage.stop();
    rmSync(directory, { recursive: true });
  };
  try {
    await Promise.all([
      storage.until(() => Promise.resolve()),
      server.until((signal) => untilTrue(() => isReady(ask), signal)),
    ]);
  } catch (error) {
    await Promise.all([server.stop(), storage.stop()]);
    throw error;
  }
  return { ...verdicts(ask), stop };
}

type Ask = (
  method: 'GET' | 'PATCH',
  path: string,
  body?: object,
) => Promise<{ status: number; warnings: string[]; text: string }>;

const isReady = (ask: Ask) =>
  ask('GET', '/readyz').then(
    ({ status }) => status === 200,
    () => false,
  );

function verdicts(ask: Ask): Pick<ApiServer, 'apply' | 'serves'> {
  const groupOf = (apiVersion: string) =>
    apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const find = async (apiVersion: string, kind: string) => {
    const { status, text } = await ask('GET', groupOf(apiVersion));
    if (status !== 200) return undefined;
    const { resources } = JSON.parse(text) as {
      resources: { name: string; kind: string; namespaced: boolean }[];
    };
    return resources.find((one) => one.kind === kind && !one.name.includes('/'));
  };
  return {
    async apply(manifest, dryRun) {
      const { apiVersion, kind, metadata } = manifest as Named;
      const resource = await find(apiVersion, kind);
      if (resource === undefined) return { taken: false, says: [`${apiVersion} ${kind} is not known`] };
      const place = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
      const query = `fieldManager=talaria&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`;
      const path = `${groupOf(apiVersion)}${place}/${resource.name}/${metadata.name}?${query}`;
      const { status, warnings, text } = await ask('PATCH', path, manifest);
      const taken = status < 300;
      const fault = taken ? [] : [(JSON.parse(text) as { message: string }).message];
      return { taken, says: [...fault, ...warnings.map((warning) => warning.replace(/^299 - /, ''))] };
    },
    serves: (apiVersion, kind) =>
      untilTrue(
        async () => (await find(apiVersion, kind)) !== undefined,
        AbortSignal.timeout(READY_WITHIN_MS),
      ),
  };
}

async function untilTrue(isTrue: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await isTrue())) {
    if (signal.aborted || Date.now() > deadline) throw new Error('the API server is not ready in time');
    await sleep(100);
  }
}

function keysIn(directory: string): string[] {
  const file = join(directory, 'service-accounts.key');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return [`--service-account-key-file=${file}`, `--service-account-signing-key-file=${file}`];
}

function tokenIn(directory: string, token: string): string {
  const file = join(directory, 'tokens.csv');
  writeFileSync(file, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  return file;
}
