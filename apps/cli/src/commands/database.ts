import {
  type Granted,
  grantRights,
  migrate,
  type MigrationState,
  readMigrations,
  type Roles,
  users,
} from '@talaria/database';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { durationOf, notBlank } from '../flags';
import { showTable } from '../output/table';
import { dryRunOption, newNoun, newVerb } from '../verb';

export function databaseCommand(context: Context): Command {
  return newNoun('database', 'the schema of the database, and who may do what in it')
    .addCommand(statusVerb(context))
    .addCommand(migrateVerb(context))
    .addCommand(grantVerb(context));
}

/** A migration may take longer than anything else. */
const dataSourceOf = (context: Context) => context.dataSource(0);

const statusVerb = (context: Context) =>
  newVerb('status', {
    summary: 'which migrations are applied, and whether this release may work with the schema',
    more: 'Exit code 1 when it may not: some are missing, or the schema is too new.',
    examples: ['talaria database status', 'talaria database status || talaria database migrate'],
  }).action(async () => {
    const state = await readMigrations(await dataSourceOf(context));
    context.answer(state, () => statusText(context, state));
    if (!state.suits) context.exitWith(exitCodes.failed);
  });

function statusText(context: Context, { applied, pending, unknown, oldest, suits }: MigrationState): string {
  const rows = [
    ...applied.map((name) => [name, unknown.includes(name) ? 'applied by a newer release' : 'applied']),
    ...pending.map((name) => [name, 'not applied']),
  ];
  const verdict = suits
    ? 'This release may work with the schema.'
    : pending.length > 0
      ? 'This release waits for what is not applied: talaria database migrate'
      : `The schema is too new: it is for releases that know ${oldest}. Use the one that has migrated it, or a newer one.`;
  return `${showTable(context, ['migration', 'state'], rows)}\n${verdict}`;
}

type MigrateFlags = { readonly wait: number; readonly dryRun?: boolean };

const migrateVerb = (context: Context) =>
  newVerb('migrate', {
    summary: 'brings the schema up to date',
    more: 'It needs DATABASE_URL only, of a user who owns the schema. Several at once do it one after the other; interrupted, it has changed nothing. Refused when a newer release has migrated already.',
    examples: [
      'talaria database migrate',
      'talaria database migrate --wait 30s',
      'talaria database migrate --dry-run',
    ],
  })
    .addOption(
      new Option('--wait <duration>', 'how long to wait for another process that migrates')
        .argParser(durationOf)
        .default(300_000, '5m'),
    )
    .addOption(dryRunOption())
    .action(async ({ wait, dryRun = false }: MigrateFlags) => {
      const dataSource = await dataSourceOf(context);
      const ran = dryRun
        ? (await readMigrations(dataSource)).pending
        : await migrate(dataSource, { waitMs: wait, say: context.say });
      context.answer({ dryRun, ran }, () =>
        ran.length === 0
          ? 'The schema is up to date.'
          : `${dryRun ? 'Would apply' : 'Applied'} ${ran.join(', ')}.`,
      );
    });

function grantVerb(context: Context): Command {
  const verb = newVerb('grant', {
    summary: 'lets the role of each service do what it needs, and nothing else',
    more: 'To be run once, after the first migration, as the owner of the tables; migrations and new versions of the read model then grant by themselves. What else the roles, or everybody, may do with the tables is taken from them. The roles must be there: those that are missing are told with the SQL that makes them.',
    examples: [
      'talaria database grant --dry-run',
      'talaria database grant',
      'talaria database grant --reader analytics',
    ],
  });
  for (const user of users)
    verb.addOption(
      new Option(`--${user} <role>`, ROLES[user]).argParser(notBlank).default(`talaria_${user}`),
    );
  return verb.addOption(dryRunOption()).action(async (flags: Roles & { readonly dryRun?: boolean }) => {
    const { dryRun = false, ingestion, processor, dispatcher, operator, reader } = flags;
    const roles = { ingestion, processor, dispatcher, operator, reader };
    const done = await grantRights(await dataSourceOf(context), roles, { dryRun });
    context.answer({ dryRun, ...done }, () => grantText(done, dryRun));
  });
}

const ROLES: Readonly<Record<keyof Roles, string>> = {
  ingestion: 'the role of ingestion',
  processor: 'the role of the processor',
  dispatcher: 'the role of the dispatcher',
  operator: 'the role of people who use this command',
  reader: 'the role of people and programs that read what was projected',
};

function grantText({ granted, revoked, left }: Granted, dryRun: boolean): string {
  const lines = [...granted.map((right) => `+ ${right}`), ...revoked.map((right) => `- ${right}`)];
  const verdict =
    lines.length === 0
      ? 'Every role may do what it should.'
      : `${lines.length} rights ${dryRun ? 'would be' : 'were'} changed.`;
  return [
    ...lines,
    verdict,
    ...(left.length === 0
      ? []
      : ['As the owner of the database, also run:', ...left.map((statement) => `  ${statement}`)]),
  ].join('\n');
}
