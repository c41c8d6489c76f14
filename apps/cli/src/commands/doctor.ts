import { readEnvironment } from '@talaria/config';
import { examine, type Finding } from '@talaria/operations';
import { dispatcherSettings, ingestionSettings, processorSettings } from '@talaria/settings';
import { type Command, Option } from 'commander';
import { createColors } from 'picocolors';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { durationOf } from '../option-values';
import { isColoured } from '../output/colour';
import { printable } from '../output/fields';
import { newVerb } from '../verb';

const services = {
  ingestion: ingestionSettings,
  processor: processorSettings,
  dispatcher: dispatcherSettings,
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
      "Configuration of each service, Postgres and its schema, Kafka and its topics, clocks, the spool's disk, the read model, and how far dispatcher and processor are behind; with --meta also whether Meta's endpoint answers.",
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
    .option('--meta', 'asks Meta, too: whether its endpoint answers, and by which clock')
    .addOption(
      new Option('--deadline <duration>', 'how long each look may take')
        .argParser(durationOf)
        .default(DEADLINE_MS, '10s'),
    )
    .action(async ({ service = Object.keys(services) as Service[], meta, deadline }: DoctorOptions) => {
      const { env } = context;
      const findings = await examine({
        services: Object.fromEntries(service.map((name) => [name, services[name]])),
        env,
        openDatabase: () => context.dataSource(),
        openKafka: () => context.kafka(),
        ...(service.includes('ingestion') && { spool: spoolOf(env) }),
        ...(meta === true && { metaUrl: graphUrlOf(env) }),
        deadlineMs: deadline,
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

function graphUrlOf(env: NodeJS.ProcessEnv): string | undefined {
  const { GRAPH_API_URL } = dispatcherSettings;
  return readOr(() => readEnvironment({ GRAPH_API_URL }, env))?.GRAPH_API_URL;
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
