import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { replaySpool, type SpoolStatus, spoolStatus, verifySpool } from '@talaria/operations';
import { type Command } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { dryRunOption, newNoun, newVerb } from '../verb';

export function spoolCommand(context: Context): Command {
  return newNoun('spool', 'the folder in which ingestion keeps webhooks while Kafka is away')
    .addCommand(statusVerb(context))
    .addCommand(verifyVerb(context))
    .addCommand(replayVerb(context));
}

type Flags = { readonly dir?: string; readonly dryRun?: boolean };

const withFolder = (verb: Command) => verb.option('--dir <folder>', 'the folder (default: SPOOL_DIR)');

function folderOf({ env }: Context, { dir }: Flags): string {
  const folder = dir ?? env.SPOOL_DIR ?? '';
  if (folder === '') throw new UsageError('name the folder by --dir, or by SPOOL_DIR');
  return folder;
}

const statusVerb = (context: Context) =>
  withFolder(
    newVerb('status', {
      summary: 'what waits in it, and who holds it; may be asked while ingestion runs',
      examples: ['talaria spool status', 'talaria spool status --dir /var/lib/talaria/spool'],
    }),
  ).action(async (flags: Flags) => {
    const status = await spoolStatus(folderOf(context, flags));
    context.answer(status, () => statusText(status));
  });

const verifyVerb = (context: Context) =>
  withFolder(
    newVerb('verify', {
      summary: 'reads all of it and compares checksums; exit code 1 when something is damaged',
      examples: ['talaria spool verify --dir /var/lib/talaria/spool'],
    }),
  ).action(async (flags: Flags) => {
    const status = await verifySpool(folderOf(context, flags), context.say);
    context.answer(status, () => statusText(status));
    if ((status.damagedBytes ?? 0) > 0) context.exitWith(exitCodes.failed);
  });

const replayVerb = (context: Context) =>
  withFolder(
    newVerb('replay', {
      summary: 'sends all of it to Kafka, in order, and removes what was confirmed',
      more: 'Not while a process holds it. Also for the folder of a machine that is gone, and for "refused" below a spool.',
      examples: [
        'talaria spool replay --dir /mnt/of-a-dead-machine/spool --dry-run',
        'talaria spool replay --dir /mnt/of-a-dead-machine/spool',
      ],
    }),
  )
    .addOption(dryRunOption())
    .action(async (flags: Flags) => {
      const directory = folderOf(context, flags);
      const { logger, say } = context;
      if (flags.dryRun === true) {
        const { segments, items = 0, damagedBytes = 0 } = await verifySpool(directory, say);
        context.answer(
          { dryRun: true, directory, segments, items, damagedBytes },
          () => `Would send ${items} items to Kafka.`,
        );
        return;
      }
      // Before Kafka is asked: a folder that is not there is told as that.
      await spoolStatus(directory);
      const producer = await context.producer([topics.webhooks.name, topics.webhooksDlq.name]);
      const replayed = await replaySpool({ directory, producer, logger, say });
      context.answer(
        { dryRun: false, directory, ...replayed },
        () => `${replayed.items} items are in Kafka.`,
      );
    });

function statusText(status: SpoolStatus): string {
  const { directory, heldBy, segments, bytes, oldestAt, damagedFiles, refusedBytes, items, damagedBytes } =
    status;
  const lines: (readonly [string, string | number | undefined])[] = [
    ['folder', directory],
    ['held by', heldBy ? `process ${heldBy.pid} on ${heldBy.host ?? 'this machine'}` : 'no process'],
    ['waiting', `${bytes} bytes in ${segments} segments`],
    ['oldest', oldestAt],
    ['items', items],
    ['damaged', damagedBytes === undefined ? undefined : `${damagedBytes} bytes`],
    ['set aside', damagedFiles === 0 ? undefined : `${damagedFiles} damaged segments, *.damaged`],
    ['refused', refusedBytes === 0 ? undefined : `${refusedBytes} bytes, in ${join(directory, 'refused')}`],
  ];
  return lines
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(10)} ${value ?? ''}`)
    .join('\n');
}
