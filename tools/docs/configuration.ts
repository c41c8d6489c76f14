import { dispatcherSettings, ingestionSettings, processorSettings } from '@talaria/settings';

type Setting = { readonly desc?: string | undefined; readonly default?: unknown };

/** What each app reads from its environment, as the page tells it. */
export const apps = {
  ingestion: ingestionSettings,
  processor: processorSettings,
  dispatcher: dispatcherSettings,
} satisfies Readonly<Record<string, Readonly<Record<string, Setting>>>>;

const head = `# Configuration

Every process is configured by environment variables, and refuses to start while one of them is missing or wrong: it names all
of them at once. An empty variable counts as not set. Instead of any variable \`X\` the variable \`X_FILE\` may name a file that holds the
value, as mounted secrets do. Durations are written like \`500ms\`, \`30s\`, \`5m\` or \`1h\`, sizes like \`512MiB\`.

Beside these, every process takes \`LOG_LEVEL\` (default \`info\`) and OpenTelemetry's standard \`OTEL_*\` variables; nothing is traced until
\`OTEL_EXPORTER_OTLP_ENDPOINT\` or \`OTEL_TRACES_EXPORTER\` is set. The simulator's variables are in [simulator.md](../simulator.md).

This page is made from the code: \`UPDATE_DOCS=1 npx jest --selectProjects unit --testPathPatterns tools/docs\`.
`;

/** The configuration reference, made from the settings of each app. */
export function configurationPage(): string {
  return [head, ...Object.entries(apps).map(([app, settings]) => section(app, settings))].join('\n');
}

function section(app: string, settings: Readonly<Record<string, Setting>>): string {
  const rows = Object.entries(settings).map(
    ([name, setting]) => `| \`${name}\` | ${defaultOf(name, setting)} | ${escape(setting.desc ?? '')} |`,
  );
  return [`## ${app}`, '', '| variable | default | |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

/** Milliseconds are shown as they are written in the environment. */
function defaultOf(name: string, setting: Setting): string {
  if (!('default' in setting)) return '**required**';
  const { default: value } = setting;
  const isDuration = /TIMEOUT|WAIT|INTERVAL|DURATION|DELAY|POLL|_MAX$/.test(name);
  if (typeof value === 'number' && name.endsWith('_SIZE') && value >= 1024) return `\`${asSize(value)}\``;
  if (Array.isArray(value)) return `\`${value.map(asDuration).join(' ')}\``;
  if (typeof value === 'number') return `\`${isDuration ? asDuration(value) : value}\``;
  return typeof value === 'string' && value !== '' ? `\`${value}\`` : '–';
}

function asDuration(ms: number): string {
  for (const [unit, length] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= length && ms % length === 0) return `${ms / length}${unit}`;
  }
  return `${ms}ms`;
}

function asSize(bytes: number): string {
  return bytes % 1024 ** 3 === 0 ? `${bytes / 1024 ** 3}GiB` : `${bytes / 1024 ** 2}MiB`;
}

const escape = (text: string) => text.replaceAll('|', '\\|');
