import {
  type Counts,
  eraseAgain,
  eraseContact,
  type ErasureDone,
  identityOf,
  planErasure,
  topicsThatKeep,
} from '@talaria/operations';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { confirm, yesOption } from '../confirm';
import { type Context } from '../context';
import { UsageError } from '../fault-of';
import { byOption, metaId, notBlank } from '../flags';
import { showTable } from '../output/table';
import { dryRunOption, newNoun, newVerb } from '../verb';
import { whoami } from '../whoami';

export function contactsCommand(context: Context): Command {
  return newNoun('contacts', 'the people that messages are exchanged with').addCommand(eraseVerb(context));
}

type EraseFlags = {
  readonly waba?: string;
  readonly reason?: string;
  readonly by?: string;
  readonly force?: boolean;
  readonly again?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
};

function eraseVerb(context: Context): Command {
  return newVerb('erase', {
    summary: 'erases a person from every table, and sees to it that no rebuild brings them back',
    more: 'With all that the account knows the person under. Kafka keeps what it has: the answer says until when. What happens after the erasure is about a new contact. --again erases whoever was erased before, after a backup was restored.',
    examples: [
      'talaria contacts erase +15550001111 --dry-run',
      'talaria contacts erase +15550001111 --reason "request 4711"',
      'talaria contacts erase US.13491208655302741918 --waba 1000 --reason "request 4712" --yes -o json',
      'talaria contacts erase --again',
    ],
  })
    .argument('[person]', 'a phone with the code of its country, or a business-scoped user id', anIdentity)
    .addOption(new Option('--waba <id>', 'only what this account knows').argParser(metaId))
    .addOption(
      new Option('--reason <text>', 'why, without naming the person: it is kept').argParser(notBlank),
    )
    .addOption(byOption())
    .option('--force', 'also while commands to them are still to be sent')
    .option('--again', 'whoever was erased before')
    .addOption(dryRunOption())
    .addOption(yesOption())
    .action((identity: string | undefined, flags: EraseFlags) =>
      identity === undefined ? again(context, flags) : erase(context, identity, flags),
    );
}

function anIdentity(text: string): string {
  const identity = identityOf(text);
  if (identity === undefined)
    throw new InvalidArgumentError(
      'It must be a phone like +15550001111, or a user id like US.13491208655302741918.',
    );
  return identity;
}

async function erase(context: Context, identity: string, flags: EraseFlags): Promise<void> {
  const { waba, force = false, dryRun = false } = flags;
  if (flags.again === true)
    throw new UsageError('--again is for all who were erased, and goes without a person');
  const asked = { identity, ...(waba !== undefined && { wabaId: waba }), force };
  if (dryRun) {
    const { persons: _persons, ...plan } = await planErasure(await context.dataSource(0), asked);
    tell(context, { dryRun, ...plan });
    return;
  }
  const { reason, by = whoami() } = flags;
  if (reason === undefined) throw new UsageError('--reason is missing: who erases says why');
  const kept = `${reason} ${by}`;
  if ([kept, kept.replaceAll(/[\s+()./-]/g, '')].some((text) => text.includes(identity)))
    throw new UsageError('reason and name are kept: leave the phone or user id out of them');
  await confirm(context, flags, 'Erase this person? It cannot be undone.');
  tell(context, { dryRun, ...(await eraseContact(await context.dataSource(0), { ...asked, reason, by })) });
}

async function again(
  context: Context,
  { again: isAgain, dryRun = false, ...flags }: EraseFlags,
): Promise<void> {
  if (isAgain !== true) throw new UsageError('name a phone or a user id, or all who were erased: --again');
  await confirm(context, { ...flags, dryRun }, 'Erase again whoever was erased before?');
  const done = await eraseAgain(await context.dataSource(0), { dryRun });
  context.answer({ dryRun, ...done }, () =>
    done.contacts === 0
      ? 'Nobody who was erased is there again.'
      : `${dryRun ? 'Would erase' : 'Erased'} again what is known under ${done.contacts} phones and user ids:\n${rowsText(context, done.rows)}`,
  );
}

function tell(context: Context, done: ErasureDone & { readonly dryRun: boolean }): void {
  const kept = topicsThatKeep(new Date());
  context.answer({ ...done, kafka: kept }, () => {
    const { dryRun, accounts, identities, rows, waiting, erasedAt } = done;
    const isNothing = !dryRun && erasedAt === null;
    if (isNothing) return 'They were erased before, and nothing is there of them.';
    const who = `what ${accounts.map((id) => id || 'no account').join(', ')} knows under ${identities.join(', ')}`;
    const waits =
      waiting === 0
        ? []
        : [`${waiting} commands to them are not done: what is told of these names them again.`];
    return [
      `${dryRun ? 'Would erase' : 'Erased'} ${who}:`,
      rowsText(context, rows),
      ...waits,
      'Kafka still holds what was written to it, by the retention that this release declares:',
      ...kept.map(
        ({ topic, until }) => `  ${topic}: ${until === null ? 'without end' : `until ${until.slice(0, 10)}`}`,
      ),
      'What to set, and where else it lies: docs/operations/personal-data.md',
    ].join('\n');
  });
}

function rowsText(context: Context, rows: Counts): string {
  const found = Object.entries(rows).filter(([, count]) => count > 0);
  return found.length === 0 ? 'nothing' : showTable(context, ['table', 'rows'], found);
}
