import {
  addAccount,
  checkToken,
  type ListedAccount,
  listAccounts,
  liftRestriction,
  listNumbers,
  pauseAccount,
  readAccountChanges,
  removeAccount,
  resumeAccount,
  rotateAccountToken,
  setAccountApp,
  setAccountRate,
  showAccount,
  testAccount,
} from '@talaria/operations';
import { Argument, type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { byOption, matching, notBlank } from '../flags';
import { printable } from '../output/fields';
import { showTable, tableOf } from '../output/table';
import { registryAccess, sealingAccess, signedAccess, withMeta } from '../registry-access';
import {
  ceiling,
  ceilingText,
  changesText,
  idArgument,
  pauseVerb,
  reasonOption,
  type RegistryNoun,
  removeVerb,
  resumeVerb,
  setRateVerb,
  stateText,
  tellChange,
  tokenText,
} from '../registry-verbs';
import { readSecret, requireSecret, type SecretFlags, withSecret } from '../secret';
import { dryRunOption, newNoun, newVerb } from '../verb';
import { whoami } from '../whoami';
import { testText } from './numbers';

const noun: RegistryNoun = {
  ...{ one: 'account', many: 'accounts', example: '1000' },
  argument: () => idArgument('account', "Meta's WABA id"),
};

export const APP_ID = matching(/^[A-Za-z0-9._-]{1,64}$/, 'letters, digits, dots, dashes and underscores');

export function accountsCommand(context: Context): Command {
  return newNoun('accounts', 'WhatsApp business accounts (WABAs)')
    .addCommand(addVerb(context))
    .addCommand(listVerb(context))
    .addCommand(showVerb(context))
    .addCommand(pauseVerb(context, noun, pauseAccount))
    .addCommand(resumeVerb(context, noun, resumeAccount))
    .addCommand(liftVerb(context))
    .addCommand(
      setRateVerb(
        context,
        noun,
        {
          summary: 'a ceiling for all numbers of the account together, in messages a second',
          more: 'On top of what each number may.',
          examples: ['200', 'none'],
          parse: ceiling,
        },
        setAccountRate,
      ),
    )
    .addCommand(setAppVerb(context))
    .addCommand(rotateTokenVerb(context))
    .addCommand(testVerb(context))
    .addCommand(removeVerb(context, noun, 'Refused while it has numbers.', removeAccount));
}

type AddFlags = SecretFlags<'token'> & {
  readonly name: string;
  readonly app?: string;
  readonly rate?: number | null;
  readonly by?: string;
  readonly dryRun?: boolean;
};

const addVerb = (context: Context) =>
  withSecret(
    newVerb('add', {
      summary: 'makes an account known',
      more: 'Its token is for all its numbers that have none of their own.',
      examples: [
        'talaria accounts add 1000 --name Acme --token-stdin < token.txt',
        'talaria accounts add 1000 --name Acme --app second --rate 200',
      ],
    }),
    'token',
    'the access token of its numbers',
  )
    .addArgument(noun.argument())
    .addOption(new Option('--name <text>', 'for people').argParser(notBlank).makeOptionMandatory())
    .addOption(new Option('--app <app>', 'the app that it belongs to; default by default').argParser(APP_ID))
    .addOption(new Option('--rate <rate>', 'a ceiling for all its numbers together').argParser(ceiling))
    .addOption(byOption())
    .addOption(dryRunOption())
    .action(async (wabaId: string, flags: AddFlags) => {
      const { name, app, rate, by = whoami(), dryRun = false } = flags;
      const access = { ...(await sealingAccess(context, { dryRun })), by };
      const accessToken = await readSecret(context, 'token', {
        stdin: flags.tokenStdin,
        file: flags.tokenFile,
      });
      const row = await addAccount(access, {
        ...{ wabaId, name },
        ...(app !== undefined && { appId: app }),
        ...(rate != null && { messagesPerSecond: rate }),
        ...(accessToken !== undefined && { accessToken }),
      });
      const rest = `account ${wabaId} (${name}) of app ${row.appId}, token: ${tokenText(row)}`;
      tellChange(context, dryRun, row, { did: 'Added', would: 'add', rest });
    });

const listVerb = (context: Context) =>
  newVerb('list', {
    summary: 'every account, and whether it sends',
    examples: ['talaria accounts list', 'talaria accounts list -o json'],
  }).action(async () => {
    const accounts = await listAccounts(await context.dataSource());
    context.answer(accounts, () =>
      accounts.length === 0
        ? 'No account is registered: talaria accounts add --help'
        : listText(context, accounts),
    );
  });

function listText(context: Context, accounts: readonly ListedAccount[]): string {
  const rows = accounts.map((account) => [
    ...[account.wabaId, printable(account.name), account.appId, account.numbers],
    ...[ceilingText(account.messagesPerSecond), tokenText(account), stateText(account)],
  ]);
  return showTable(context, ['account', 'name', 'app', 'numbers', 'rate', 'token', 'state'], rows);
}

const showVerb = (context: Context) =>
  newVerb('show', {
    summary: 'one account, its numbers, and what people and Meta have changed of it',
    examples: ['talaria accounts show 1000'],
  })
    .addArgument(noun.argument())
    .action(async (id: string) => {
      const dataSource = await context.dataSource();
      const account = await showAccount(dataSource, id);
      const numbers = await listNumbers(dataSource, id);
      const changes = await readAccountChanges(dataSource, id);
      context.answer({ ...account, numbers, changes }, () => {
        const about = tableOf(
          ['account', account.wabaId],
          [
            ['name', printable(account.name)],
            ['provider', account.provider],
            ['app', account.appId],
            ['rate', ceilingText(account.messagesPerSecond)],
            ['token', tokenText(account)],
            ['state', stateText(account)],
          ],
        );
        const rows = numbers.map((number) => [
          ...[number.phoneNumberId, number.displayPhoneNumber, `${number.messagesPerSecond}/s`],
          stateText(number),
        ]);
        const table = showTable(context, ['number', 'phone', 'rate', 'state'], rows);
        return about + (rows.length === 0 ? '' : `\n\n${table}`) + changesText(context, changes);
      });
    });

type LiftFlags = { readonly reason: string; readonly by?: string; readonly dryRun?: boolean };

const liftVerb = (context: Context) =>
  newVerb('lift', {
    summary: 'what Meta has told of a ban, restriction or deletion holds the account back no more',
    more: 'For whoever knows more than the last webhook. What Meta tells from now on holds it back again. A pause of a person stays.',
    examples: ['talaria accounts lift 1000 --reason "appeal 4711 was granted"'],
  })
    .addArgument(noun.argument())
    .addOption(reasonOption('how it is known'))
    .addOption(byOption())
    .addOption(dryRunOption())
    .action(async (id: string, { reason, by, dryRun = false }: LiftFlags) => {
      const access = await signedAccess(context, { dryRun, ...(by !== undefined && { by }) });
      const row = await liftRestriction(access, id, reason);
      const rest = `what Meta has told of account ${id}, which is ${stateText(row)} now`;
      tellChange(context, dryRun, row, { did: 'Lifted', would: 'lift', rest });
    });

const setAppVerb = (context: Context) =>
  newVerb('set-app', {
    summary: 'the account is of another app, whose pause and ceiling it shares',
    examples: ['talaria accounts set-app 1000 second'],
  })
    .addArgument(noun.argument())
    .addArgument(new Argument('<app>', 'an app that is known').argParser(APP_ID))
    .addOption(dryRunOption())
    .action(async (id: string, app: string, { dryRun = false }: { dryRun?: boolean }) => {
      const row = await setAccountApp(await registryAccess(context, dryRun), id, app);
      tellChange(context, dryRun, row, {
        did: 'Put',
        would: 'put',
        rest: `account ${id} under app ${app}`,
      });
    });

type RotateFlags = SecretFlags<'token'> & { readonly check?: boolean; readonly dryRun?: boolean };

const rotateTokenVerb = (context: Context) =>
  withSecret(
    newVerb('rotate-token', {
      summary: 'the numbers of the account that have no token of their own send with another',
      more: 'Dispatchers use it within a second. What Meta refused is asked about with it at once.',
      examples: [
        'talaria accounts rotate-token 1000 --token-stdin --check < token.txt',
        'talaria accounts rotate-token 1000 --token-file /run/secrets/token --dry-run',
      ],
    }),
    'token',
    'the access token',
  )
    .addArgument(noun.argument())
    .addOption(
      new Option(
        '--check',
        'asks Meta with the token about each such number first, and stores nothing when it refuses',
      ),
    )
    .addOption(dryRunOption())
    .action(async (id: string, flags: RotateFlags) => {
      const { check = false, dryRun = false } = flags;
      const access = await sealingAccess(context, { dryRun, asksMeta: check });
      await showAccount(access.dataSource, id);
      const token = await requireSecret(context, 'token', { stdin: flags.tokenStdin, file: flags.tokenFile });
      const users = (await listNumbers(access.dataSource, id)).filter((number) => number.token !== 'own');
      if (check && users.length === 0)
        throw new UsageError(`account ${id} has no number to ask Meta about: leave out --check`);
      if (check)
        await withMeta(context, async (meta) => {
          for (const { phoneNumberId } of users) await checkToken(meta, phoneNumberId, token);
        });
      const row = await rotateAccountToken(access, id, token);
      const rest = `the token of account ${id}, which ${users.length} of its ${row.numbers} numbers use: ${tokenText(row)}`;
      tellChange(context, dryRun, row, { did: 'Replaced', would: 'replace', rest });
    });

const testVerb = (context: Context) =>
  newVerb('test', {
    summary: 'asks Meta about each number of the account; exit code 1 when something is wrong',
    more: 'Sends nothing. Each problem is told with what to do.',
    examples: ['talaria accounts test 1000'],
  })
    .addArgument(noun.argument())
    .action(async (id: string) => {
      const access = await sealingAccess(context, { asksMeta: true });
      const tested = await withMeta(context, (meta) => testAccount(access, meta, id));
      context.answer(tested, () =>
        tested.length === 0
          ? `Account ${id} has no number to ask Meta about: talaria numbers add --help`
          : testText(context, tested),
      );
      if (tested.length === 0 || tested.some(({ problems }) => problems.length > 0))
        context.exitWith(exitCodes.failed);
    });
