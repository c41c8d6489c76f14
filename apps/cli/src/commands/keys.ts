import { keysStatus, rewrapAll } from '@talaria/operations';
import { generateKey } from '@talaria/registry';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { matching } from '../flags';
import { startProgress } from '../output/progress';
import { showTable } from '../output/table';
import { sealingAccess } from '../registry-access';
import { dryRunOption, newNoun, newVerb } from '../verb';

export function keysCommand(context: Context): Command {
  return newNoun('keys', 'the keys that seal tokens and secrets in the database')
    .addCommand(generateVerb(context))
    .addCommand(statusVerb(context))
    .addCommand(rewrapVerb(context));
}

const generateVerb = (context: Context) =>
  newVerb('generate', {
    summary: 'prints a new key, as SECRETS_KEYS and a file of keys have it',
    more: 'Put it in front of the others, in the file of every process that has them; then `talaria keys rewrap`, and when `talaria keys status` shows nothing under an old key, take that away.',
    examples: [
      '(umask 077; talaria keys generate > /etc/talaria/secrets-keys)',
      'talaria keys generate --id 2026-07',
    ],
  })
    .addOption(
      new Option('--id <id>', 'its id; the day by default').argParser(
        matching(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, dashes and underscores'),
      ),
    )
    .action(({ id }: { id?: string }) => {
      const line = generateKey(id);
      context.answer({ keyId: line.split(':')[0], line }, () => line);
      if (context.stdout.isTTY === true)
        context.say('This is a secret: keep it where the backups of the database are not, and a copy of it.');
    });

const statusVerb = (context: Context) =>
  newVerb('status', {
    summary: 'which keys seal how many tokens and secrets; exit code 1 when some do not open',
    examples: ['talaria keys status'],
  }).action(async () => {
    const { dataSource, keys } = await sealingAccess(context);
    const status = await keysStatus(dataSource, keys);
    context.answer(status, () => {
      const rows = status.keys.map(({ keyId, isCurrent, secrets, faulty }) => [
        ...[keyId ?? '(not sealed)', isCurrent ? 'current' : 'old', secrets, faulty],
      ]);
      return [showTable(context, ['key', 'use', 'secrets', 'faulty'], rows), ...status.faults].join('\n');
    });
    if (status.faults.length > 0) context.exitWith(exitCodes.failed);
  });

const rewrapVerb = (context: Context) =>
  newVerb('rewrap', {
    summary: 'puts every token and secret under the current key, the first of SECRETS_KEYS',
    more: 'Tokens and secrets stay as they are, only the keys that seal them are wrapped anew. It can be interrupted, and run again. Exit code 1 when some do not open.',
    examples: ['talaria keys rewrap --dry-run', 'talaria keys rewrap'],
  })
    .addOption(dryRunOption())
    .action(async ({ dryRun = false }: { dryRun?: boolean }) => {
      const signal = context.interrupt();
      const progress = startProgress(context, 'secrets');
      const done = await rewrapAll(await sealingAccess(context), {
        ...{ dryRun, signal },
        onProgress: (count, total) => progress.at(count, total),
      });
      progress.end();
      context.answer({ dryRun, ...done }, () => {
        const counts = `${done.rewrapped} tokens and secrets under key ${done.keyId}; ${done.current} were under it before`;
        const told = dryRun ? `Would put ${counts}. Nothing was changed.` : `Put ${counts}.`;
        return [told, ...done.faults].join('\n');
      });
      if (done.faults.length > 0 || signal.aborted) context.exitWith(exitCodes.failed);
    });
