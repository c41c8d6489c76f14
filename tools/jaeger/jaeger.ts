import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../stack/child';
import { freePorts } from '../stack/ports';
import { repositoryRoot } from '../stack/repository';

/** A Jaeger that runs here, with its storage in memory. */
export type Jaeger = {
  /** Of its page and its API. */
  readonly url: string;
  /** Takes OTLP over HTTP: what OTEL_EXPORTER_OTLP_ENDPOINT names. */
  readonly otlpUrl: string;
  stop(): Promise<void>;
};

export type JaegerPorts = { readonly http: number; readonly otlp: number };

const READY_WITHIN_MS = 20_000;
const MAX_TRACES = 50_000;

export const usualPorts: JaegerPorts = { http: 16686, otlp: 4318 };
export const binaryPlace = () => join(repositoryRoot(), '.talaria/tools/bin/jaeger');

/** @returns the program that JAEGER names, or the one that `npm run jaeger` has built; undefined when there is none */
export function findJaeger(env: NodeJS.ProcessEnv): string | undefined {
  const named = env.JAEGER;
  if (named !== undefined && named !== '') {
    if (!existsSync(named)) throw new Error(`JAEGER names ${named}, which is not there`);
    return named;
  }
  return existsSync(binaryPlace()) ? binaryPlace() : undefined;
}

export const howToGetJaeger =
  'Jaeger is not here: "npm run jaeger" builds it (Go 1.24 or newer, about 8 minutes of CPU time, once), or let JAEGER name its program';

/** @param ports default: any that are free */
export async function startJaeger(program: string, ports?: JaegerPorts): Promise<Jaeger> {
  const [http = 0, otlp = 0, grpc = 0, health = 0] = await freePorts(4);
  const own = { ...(ports ?? { http, otlp }), grpc, health };
  const directory = join(repositoryRoot(), '.talaria/jaeger');
  mkdirSync(directory, { recursive: true });
  const config = join(directory, `${own.http}.yaml`);
  writeFileSync(config, configOf(own));
  const jaeger = new Child({
    name: 'Jaeger',
    command: program,
    args: ['--config', config],
    cwd: directory,
    env: process.env,
    log: join(directory, `${own.http}.log`),
    pidFile: join(repositoryRoot(), '.talaria/pids', `jaeger-${own.http}`),
    stopSignal: 'SIGTERM',
    killSignal: 'SIGKILL',
  });
  await jaeger.until((signal) => untilReady(`http://127.0.0.1:${own.health}/status`, signal));
  return {
    url: `http://127.0.0.1:${own.http}`,
    otlpUrl: `http://127.0.0.1:${own.otlp}`,
    stop: () => jaeger.stop(),
  };
}

async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  const isReady = () =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!signal.aborted && !(await isReady())) {
    if (Date.now() > deadline) throw new Error(`Jaeger is not ready after ${READY_WITHIN_MS} ms`);
    await sleep(50);
  }
}

/** Without one of its own, Jaeger would open fourteen ports, some of them to everybody. */
function configOf({ http, otlp, grpc, health }: JaegerPorts & { grpc: number; health: number }): string {
  const at = (port: number) => `{endpoint: "127.0.0.1:${port}"}`;
  return `service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [jaeger_storage_exporter]}}
  telemetry: {metrics: {level: none}, logs: {level: warn}}
extensions:
  healthcheckv2: {use_v2: true, http: ${at(health)}}
  jaeger_storage: {backends: {mem: {memory: {max_traces: ${MAX_TRACES}}}}}
  jaeger_query: {storage: {traces: mem}, http: ${at(http)}, grpc: ${at(grpc)}}
receivers: {otlp: {protocols: {http: ${at(otlp)}}}}
processors: {batch: {timeout: 100ms}}
exporters: {jaeger_storage_exporter: {trace_storage: mem}}
`;
}
