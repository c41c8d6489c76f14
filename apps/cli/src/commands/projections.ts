import {
  beginRebuild,
  type Comparison,
  monthsBefore,
  planPromotion,
  planRollBack,
  promoteProjection,
  type Promotion,
  retainMonths,
  rollBackProjection,
  sqlOf,
} from '@talaria/database';
import {
  compareVersions,
  dropVersion,
  planRebuild,
  type ProjectionsAccess,
  projectionStatus,
  sumVersion,
  untilCaughtUp,
  versionOf,
  type VersionStatus,
} from '@talaria/operations';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { whole } from '../flags';
import { startProgress } from '../output/progress';
import { showTable } from '../output/table';
import { dryRunOption, newNoun, newVerb } from '../verb';

export function projectionsCommand(context: Context): Command {
  return newNoun('projections', 'the versions of the read model')
    .addCommand(statusVerb(context))
    .addCommand(rebuildVerb(context))
    .addCommand(compareVerb(context))
    .addCommand(checksumVerb(context))
    .addCommand(promoteVerb(context))
    .addCommand(rollbackVerb(context))
    .addCommand(dropVerb(context))
    .addCommand(retainVerb(context));
}

type DryRun = { readonly dryRun?: boolean };

const versionNumber = whole(1, 999_999);

/** Statements over a whole read model may take longer than any other: they are not given up for being silent. */
const dataSourceOf = (context: Context) => context.dataSource(0);

/** Kafka is asked where it is named. */
async function accessOf(context: Context): Promise<ProjectionsAccess> {
  const { KAFKA_BROKERS = '' } = context.env;
  const kafka = KAFKA_BROKERS === '' ? undefined : context.kafka();
  return { dataSource: await dataSourceOf(context), kafka, say: context.say };
}

const statusVerb = (context: Context) =>
  newVerb('status', {
    summary: 'every version: records, how far it is behind, how fast it is, how long it takes still',
    more: 'With KAFKA_BROKERS it also tells how far each is behind the end of the log.',
    examples: ['talaria projections status', 'talaria projections status --watch'],
  })
    .option('--watch', 'again and again, until Ctrl-C; as JSON a line for each look')
    .action(async ({ watch = false }: { watch?: boolean }) => {
      const access = await accessOf(context);
      const signal = watch ? context.interrupt() : undefined;
      do {
        const all = await projectionStatus(access);
        context.answer(all, () => statusText(context, all));
      } while (signal?.aborted === false);
    });

function statusText(context: Context, all: readonly VersionStatus[]): string {
  const head = [
    'version',
    'shape',
    'state',
    'records',
    'behind live',
    'behind Kafka',
    'a second',
    'time left',
  ];
  const rows = all.map((one) => [
    ...[one.version, one.shape, one.state, one.records, one.behindLive, one.behindKafka ?? '?'],
    ...[one.perSecond, one.secondsLeft === undefined ? '-' : `${one.secondsLeft} s`, one.skipped],
  ]);
  return showTable(context, [...head, 'skipped'], rows);
}

const rebuildVerb = (context: Context) =>
  newVerb('rebuild', {
    summary: 'begins a version beside the live one, or shows how far the one begun is',
    more: 'It ends when that has caught up. The processors build it: Ctrl-C ends only the display.',
    examples: [
      'talaria projections rebuild --dry-run',
      'talaria projections rebuild && talaria projections compare && talaria projections promote',
      'talaria projections rebuild --detach',
    ],
  })
    .option('--detach', 'does not wait for it')
    .addOption(dryRunOption())
    .action(async ({ detach = false, dryRun = false }: { detach?: boolean; dryRun?: boolean }) => {
      const dataSource = await dataSourceOf(context);
      if (dryRun) {
        const plan = await planRebuild(dataSource);
        context.answer({ dryRun, ...plan }, () =>
          plan.version === undefined
            ? 'Would begin a version beside the live one.'
            : `Version ${plan.version} is being built already.`,
        );
        return;
      }
      const { version, isNew } = await beginRebuild(dataSource);
      context.say(
        isNew ? `Version ${version} is being built.` : `Version ${version} is being built already.`,
      );
      if (detach) {
        context.answer({ version, isNew }, () => 'See how far it is with: talaria projections status');
        return;
      }
      const status = await showUntilCaughtUp(context, version);
      context.answer(
        status,
        () => `Version ${version} has caught up. Go on with: talaria projections compare, then promote`,
      );
    });

async function showUntilCaughtUp(context: Context, version: number): Promise<VersionStatus> {
  context.say('Ctrl-C ends only this display: the processors go on building it.');
  let progress: ReturnType<typeof startProgress> | undefined;
  const onLook = ({ records, behindLive }: VersionStatus) => {
    progress ??= startProgress(context, 'records', records);
    progress.at(records, records + behindLive);
  };
  return untilCaughtUp(await accessOf(context), version, onLook).finally(() => progress?.end());
}

const compareVerb = (context: Context) =>
  newVerb('compare', {
    summary: 'counts and checksums of every table of two versions; exit code 1 when rows differ',
    more: 'By default the live one and the newest other. Of rows that differ keys are shown, by their hashes.',
    examples: ['talaria projections compare', 'talaria projections compare 1 2 -o json'],
  })
    .argument('[one]', 'a version', versionNumber)
    .argument('[other]', 'another version', versionNumber)
    .action(async (one: number | undefined, other: number | undefined) => {
      if ((one === undefined) !== (other === undefined)) throw new UsageError('name both versions, or none');
      const versions = one === undefined || other === undefined ? undefined : ([one, other] as const);
      const comparison = await compareVersions(await dataSourceOf(context), versions);
      context.answer(comparison, () => comparisonText(context, comparison));
      if (!comparison.tables.every(({ equal }) => equal)) context.exitWith(exitCodes.failed);
    });

function comparisonText(
  context: Context,
  { versions: [one, other], level, records, tables }: Comparison,
): string {
  const lines = tables.map(({ table, equal, rows, otherColumns }) => [
    table,
    ...rows,
    equal ? 'the same' : 'differs',
    otherColumns.length === 0 ? '' : `not compared: ${otherColumns.join(', ')}`,
  ]);
  const samples = tables.flatMap(({ table, samples: some }) =>
    some.map(({ key, found }) => `${table}: ${key}: ${found}`),
  );
  return [
    level
      ? `Both stood at the same record of every partition (${records[0]} records).`
      : `They did not stand at the same records (${records.join(' and ')}): their rows need not be the same.`,
    showTable(context, ['table', `rows in ${one}`, `rows in ${other}`, 'rows', ''], lines),
    ...samples,
  ].join('\n');
}

const checksumVerb = (context: Context) =>
  newVerb('checksum', {
    summary: 'counts and checksums of every table of one version',
    examples: ['talaria projections checksum', 'talaria projections checksum 2'],
  })
    .argument('[version]', 'default: the live one', versionNumber)
    .action(async (version: number | undefined) => {
      const sums = await sumVersion(await dataSourceOf(context), version);
      const rows = sums.tables.map(({ table, rows: count, checksum }) => [table, count, checksum]);
      context.answer(sums, () => showTable(context, ['table', 'rows', 'checksum'], rows));
    });

const promoteVerb = (context: Context) =>
  newVerb('promote', {
    summary: 'lets readers see another version, and events be told from it',
    more: 'By default the one that is being built, else the last that was live.',
    examples: [
      'talaria projections promote --dry-run',
      'talaria projections promote',
      'talaria projections promote 3',
    ],
  })
    .argument('[version]', 'which', versionNumber)
    .addOption(dryRunOption())
    .action(async (version: number | undefined, { dryRun = false }: DryRun) => {
      const dataSource = await dataSourceOf(context);
      const promotion = dryRun
        ? await planPromotion(sqlOf(dataSource), version)
        : await promoteProjection(dataSource, version, context);
      tellPromotion(context, promotion, dryRun);
    });

const rollbackVerb = (context: Context) =>
  newVerb('rollback', {
    summary: 'lets readers see the version again that was live before',
    examples: ['talaria projections rollback --dry-run', 'talaria projections rollback'],
  })
    .addOption(dryRunOption())
    .action(async ({ dryRun = false }: DryRun) => {
      const dataSource = await dataSourceOf(context);
      const promotion = dryRun
        ? await planRollBack(sqlOf(dataSource))
        : await rollBackProjection(dataSource, context);
      tellPromotion(context, promotion, dryRun);
    });

function tellPromotion(context: Context, promotion: Promotion, dryRun: boolean): void {
  const { from, to } = promotion;
  context.answer({ dryRun, from, to }, () =>
    dryRun
      ? `Readers would see version ${to} instead of ${from}, when it has come up to that.`
      : `Readers see version ${to}, and events are told from it. Version ${from} is kept up to date: talaria projections rollback goes back to it.`,
  );
}

const dropVerb = (context: Context) =>
  newVerb('drop', {
    summary: 'removes a version that is not live',
    more: 'With KAFKA_BROKERS its consumer group goes too.',
    examples: ['talaria projections drop 1 --dry-run', 'talaria projections drop 1'],
  })
    .argument('<version>', 'which', versionNumber)
    .addOption(dryRunOption())
    .action(async (version: number, { dryRun = false }: DryRun) => {
      if (dryRun) {
        const { state } = await versionOf(await dataSourceOf(context), version);
        if (state === 'live')
          throw new Error(`version ${version} is the live one: promote another before you drop it`);
        context.answer(
          { dryRun, version, state },
          () => `Would remove version ${version}, which is ${state}.`,
        );
        return;
      }
      await dropVersion(await accessOf(context), version);
      context.answer({ dryRun, version }, () => `Version ${version} is gone.`);
    });

type RetainFlags = DryRun & { readonly months: number; readonly drop?: boolean };

const retainVerb = (context: Context) =>
  newVerb('retain', {
    summary: 'keeps this month and so many before it, and lets older ones go',
    more: 'Their partitions are detached, and with --drop removed with their rows.',
    examples: [
      'talaria projections retain --months 24 --dry-run',
      'talaria projections retain --months 24 --drop',
    ],
  })
    .addOption(
      new Option('--months <n>', 'before this one').argParser(whole(1, 999_999)).makeOptionMandatory(),
    )
    .option('--drop', 'removes what is detached')
    .addOption(dryRunOption())
    .action(async ({ months, drop = false, dryRun = false }: RetainFlags) => {
      const from = monthsBefore(months, new Date());
      const done = await retainMonths(await dataSourceOf(context), from, { drop, dryRun });
      const rows = done.versions.map((one) => [
        ...[one.version, one.detached.length, one.dropped.length, one.messageIds, one.commands],
      ]);
      const kept = dryRun
        ? `Would keep everything from ${done.keptFrom} on, and let go:`
        : `Everything from ${done.keptFrom} on is kept. Let go:`;
      const head = ['version', 'detached', 'dropped', 'message ids', 'commands'];
      context.answer({ dryRun, ...done }, () => `${kept}\n${showTable(context, head, rows)}`);
    });
