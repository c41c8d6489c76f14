import { readEnvironment } from '@talaria/config';
import { examine, type Examination, type Finding } from '@talaria/operations';
import { createKeyProvider, secretsSettings } from '@talaria/registry';
import {
  dispatcherSettings,
  ingestionCombinations,
  ingestionSettings,
  processorSettings,
} from '@talaria/settings';
import { createCloudApiClient } from '@talaria/whatsapp';
import { type Command, Option } from 'commander';
import { createColors } from 'picocolors';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { durationOf } from '../flags';
import { isColoured } from '../output/colour';
import { printable } from '../output/fields';
import { newVerb } from '../verb';
import { topicsAccess } from './topics';

const services = {
  ingestion: (env: NodeJS.ProcessEnv) => readEnvironment(ingestionSettings, env, ingestionCombinations),
  processor: (env: NodeJS.ProcessEnv) => readEnvironment(processorSettings, env),
  dispatcher: (env: NodeJS.ProcessEnv) => readEnvironment(dispatcherSettings, env),
};
type Service = keyof typeof services;

type DoctorOptions = {
  readonly service?: readonly Service[];
  readonly meta?: boolean;
  readonly deadline: number;
};

const DEADLINE_MS = 10_000;

export const doctorCommand = (context: Context): Command =>
  newVerb('doctor', {
    summary: 'looks at all that an installation stands on, and says what to do about what is wrong',
    more: [
      "Configuration of each service, Postgres and its schema, Kafka and its topics, clocks, the spool's disk, the read model, how far dispatcher and processor are behind, and whether tokens open; with --meta also whether Meta answers, and takes each token.",
      'Run it with the environment of the services, on the machine where they run. Exit code 1 when something has failed; warnings do not change it.',
    ].join('\n'),
    examples: [
      'talaria doctor',
      'talaria doctor --service processor dispatcher',
      'talaria doctor --meta -o json',
    ],
  })
    .addOption(
      new Option('--service <service...>', 'only what these need (default: all)').choices(
        Object.keys(services),
      ),
    )
    .option('--meta', 'asks Meta, too: whether it answers, by which clock, and whether it takes each token')
    .addOption(
      new Option('--deadline <duration>', 'how long each look may take')
        .argParser(durationOf)
        .default(DEADLINE_MS, '10s'),
    )
    .action(async ({ service = Object.keys(services) as Service[], meta, deadline }: DoctorOptions) => {
      const findings = await withMeta(context, meta === true, (client) => {
        const { env } = context;
        return examine({
          services: Object.fromEntries(service.map((name) => [name, services[name]])),
          env,
          openDatabase: () => context.dataSource(),
          openKafka: () => topicsAccess(context),
          ...(service.includes('ingestion') && { spool: spoolOf(env) }),
          ...(service.includes('dispatcher') && {
            openKeys: () => createKeyProvider(readEnvironment(secretsSettings, env)),
          }),
          meta: client,
          deadlineMs: deadline,
        });
      });
      const worst = (['failed', 'warning', 'ok'] as const).find((result) =>
        findings.some((one) => one.result === result),
      );
      context.answer({ result: worst ?? 'ok', findings }, () => findingsText(context, findings));
      if (worst === 'failed') context.exitWith(exitCodes.failed);
    });

/** What is wrong with these settings is told by the check of the configuration. */
function readOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function spoolOf(env: NodeJS.ProcessEnv) {
  const { SPOOL_DIR, SPOOL_MAX_SIZE } = ingestionSettings;
  const read = readOr(() => readEnvironment({ SPOOL_DIR, SPOOL_MAX_SIZE }, env));
  return read && { directory: read.SPOOL_DIR, maxBytes: read.SPOOL_MAX_SIZE };
}

/** How long Meta may take for one question; there may be many. */
const META_MS = 4000;

async function withMeta<T>(
  { env }: Context,
  isAsked: boolean,
  work: (meta: Examination['meta']) => Promise<T>,
): Promise<T> {
  const { GRAPH_API_URL, GRAPH_API_VERSION } = dispatcherSettings;
  const read = isAsked ? readOr(() => readEnvironment({ GRAPH_API_URL, GRAPH_API_VERSION }, env)) : undefined;
  if (read === undefined) return work(undefined);
  const place = { baseUrl: read.GRAPH_API_URL, version: read.GRAPH_API_VERSION };
  const client = createCloudApiClient({ ...place, timeoutMs: META_MS, connections: 8 });
  try {
    return await work({ ...client, url: read.GRAPH_API_URL });
  } finally {
    await client.close();
  }
}

function findingsText({ stdout, env }: Context, findings: readonly Finding[]): string {
  const { red, yellow, green } = createColors(isColoured(stdout, env));
  const paint = { failed: red, warning: yellow, ok: green };
  const wide = (of: (one: Finding) => string) => Math.max(...findings.map((one) => of(one).length));
  const [checks, subjects] = [wide(({ check }) => check), wide(({ subject }) => subject)];
  const lines = findings.flatMap(({ check, subject, result, found, remedy }) => [
    `${paint[result](result.padEnd(7))}  ${check.padEnd(checks)}  ${subject.padEnd(subjects)}  ${printable(found)}`,
    ...(remedy === undefined ? [] : [`         ${' '.repeat(checks)}  → ${printable(remedy)}`]),
  ]);
  const count = (result: Finding['result']) => findings.filter((one) => one.result === result).length;
  return [
    ...lines,
    '',
    `${count('failed')} failed, ${count('warning')} to look at, ${count('ok')} well.`,
  ].join('\n');
}
