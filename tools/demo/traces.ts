import { findJaeger, howToGetJaeger, startJaeger } from '../jaeger/jaeger';
import { type PlatformOptions } from '../platform/platform';

/** Where the demo's traces go, if anywhere. */
export type Traces = {
  readonly env: NonNullable<PlatformOptions['env']>;
  /** For a person. */
  readonly whereToLook: string;
  stop(): Promise<void>;
};

/** To the collector that the environment names, else to a Jaeger of the demo's own, else nowhere. */
export async function startTraces(env: NodeJS.ProcessEnv): Promise<Traces> {
  const stop = () => Promise.resolve();
  const collector = env.OTEL_EXPORTER_OTLP_ENDPOINT ?? '';
  if (collector !== '')
    return { env: variablesOf(collector), whereToLook: `sent to ${collector}; ${whatToSearch}`, stop };
  const program = findJaeger(env);
  if (program === undefined) return { env: {}, whereToLook: `none. ${howToGetJaeger}`, stop };
  const jaeger = await startJaeger(program);
  return {
    env: variablesOf(jaeger.otlpUrl),
    whereToLook: `${jaeger.url}/search?service=talaria-dispatcher (${whatToSearch}; as JSON: ${jaeger.url}/api/traces?service=talaria-dispatcher)`,
    stop: () => jaeger.stop(),
  };
}

const whatToSearch = 'a command by the tag messaging.message.conversation_id=<its id>';

function variablesOf(collector: string): Traces['env'] {
  const own = { OTEL_EXPORTER_OTLP_ENDPOINT: collector };
  // Each has its own name for it.
  const unnamed = { ...own, OTEL_SERVICE_NAME: '' };
  return { ingestion: unnamed, processor: unnamed, dispatcher: unnamed };
}
