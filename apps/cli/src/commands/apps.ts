import {
  addApp,
  type ListedApp,
  listApps,
  pauseApp,
  removeApp,
  resumeApp,
  rotateAppSecret,
  setAppRate,
  setVerifyToken,
  showApp,
} from '@talaria/operations';
import { Argument, type Command, Option } from 'commander';
import { type Context } from '../context';
import { UsageError } from '../fault-of';
import { showTable, tableOf } from '../output/table';
import { sealingAccess } from '../registry-access';
import {
  ceiling,
  ceilingText,
  pauseVerb,
  type RegistryNoun,
  removeVerb,
  resumeVerb,
  setRateVerb,
  stateText,
  tellChange,
} from '../registry-verbs';
import { readSecret, requireSecret, type SecretFlags, withSecret } from '../secret';
import { dryRunOption, newNoun, newVerb } from '../verb';
import { APP_ID } from './accounts';

const noun: RegistryNoun = {
  ...{ one: 'app', many: 'apps', example: 'second' },
  argument: () =>
    new Argument('<app>', 'a name of ours, which stands in the path of its webhook').argParser(APP_ID),
};

export function appsCommand(context: Context): Command {
  return newNoun('apps', 'apps at Meta: the secrets that sign webhooks, and a ceiling for all their accounts')
    .addCommand(addVerb(context))
    .addCommand(listVerb(context))
    .addCommand(showVerb(context))
    .addCommand(rotateSecretVerb(context))
    .addCommand(setVerifyTokenVerb(context))
    .addCommand(pauseVerb(context, noun, pauseApp))
    .addCommand(resumeVerb(context, noun, resumeApp))
    .addCommand(
      setRateVerb(
        context,
        noun,
        {
          summary: 'a ceiling for all accounts of the app together, in messages a second',
          more: 'Dispatchers split it by the partitions that each owns.',
          examples: ['500', 'none'],
          parse: ceiling,
        },
        setAppRate,
      ),
    )
    .addCommand(
      removeVerb(context, noun, 'Refused while it has accounts; the app default stays.', removeApp),
    );
}

type AddFlags = SecretFlags<'secret'> &
  SecretFlags<'verifyToken'> & { readonly rate?: number | null; readonly dryRun?: boolean };

const addVerb = (context: Context) =>
  withSecret(
    withSecret(
      newVerb('add', {
        summary: 'makes an app known',
        examples: [
          'talaria apps add second --secret-stdin < secret.txt',
          'talaria apps add second --secret-file secret.txt --verify-token-file verify.txt --rate 500',
        ],
      }),
      'secret',
      'the app secret',
    ),
    'verify-token',
    'what Meta repeats when the webhook is set up',
  )
    .addArgument(noun.argument())
    .addOption(new Option('--rate <rate>', 'a ceiling for all its accounts together').argParser(ceiling))
    .addOption(dryRunOption())
    .action(async (appId: string, flags: AddFlags) => {
      const { rate, dryRun = false } = flags;
      if (flags.secretStdin === true && flags.verifyTokenStdin === true)
        throw new UsageError('standard input is one text: give one of both by a file');
      const access = await sealingAccess(context, { dryRun });
      const secret = await readSecret(context, 'secret', {
        stdin: flags.secretStdin,
        file: flags.secretFile,
      });
      const verifyToken = await readSecret(context, 'verify-token', {
        ...{ stdin: flags.verifyTokenStdin, file: flags.verifyTokenFile },
      });
      const row = await addApp(access, {
        appId,
        ...(rate != null && { messagesPerSecond: rate }),
        ...(secret !== undefined && { secret }),
        ...(verifyToken !== undefined && { verifyToken }),
      });
      const rest = `app ${appId}, ${secretsText(row)}, ${verifyTokenText(row)}`;
      tellChange(context, dryRun, row, { did: 'Added', would: 'add', rest });
    });

const listVerb = (context: Context) =>
  newVerb('list', {
    summary: 'every app, and whether it sends',
    examples: ['talaria apps list', 'talaria apps list -o json'],
  }).action(async () => {
    const apps = await listApps(await context.dataSource());
    context.answer(apps, () => {
      const rows = apps.map((app) => [
        ...[app.appId, app.accounts, ceilingText(app.messagesPerSecond)],
        ...[secretsText(app), verifyTokenText(app), stateText(app)],
      ]);
      return showTable(context, ['app', 'accounts', 'rate', 'secrets', 'verify token', 'state'], rows);
    });
  });

const showVerb = (context: Context) =>
  newVerb('show', { summary: 'one app', examples: ['talaria apps show second'] })
    .addArgument(noun.argument())
    .action(async (id: string) => {
      const app = await showApp(await context.dataSource(), id);
      context.answer(app, () =>
        tableOf(
          ['app', app.appId],
          [
            ['accounts', app.accounts],
            ['rate', ceilingText(app.messagesPerSecond)],
            ['secrets', secretsText(app)],
            ['verify token', verifyTokenText(app)],
            ['state', stateText(app)],
          ],
        ),
      );
    });

type RotateFlags = SecretFlags<'secret'> & { readonly dropOld?: boolean; readonly dryRun?: boolean };

const rotateSecretVerb = (context: Context) =>
  withSecret(
    newVerb('rotate-secret', {
      summary: 'stores another app secret; the one before stays live until --drop-old',
      more: 'Of a webhook, either may have signed. First store the new one here, then reset it at Meta, then drop the old one.',
      examples: [
        'talaria apps rotate-secret second --secret-stdin < secret.txt',
        'talaria apps rotate-secret second --drop-old',
      ],
    }),
    'secret',
    'the app secret',
  )
    .addArgument(noun.argument())
    .addOption(new Option('--drop-old', 'only the newest stays live'))
    .addOption(dryRunOption())
    .action(async (id: string, flags: RotateFlags) => {
      const { dropOld = false, dryRun = false } = flags;
      const access = await sealingAccess(context, { dryRun });
      await showApp(access.dataSource, id);
      const source = { stdin: flags.secretStdin, file: flags.secretFile };
      const secret = dropOld
        ? await readSecret(context, 'secret', source)
        : await requireSecret(context, 'secret', source);
      const { app, dropped } = await rotateAppSecret(access, id, { secret, dropOld });
      const rest = `the secrets of app ${id}: ${secretsText(app)}${dropped > 0 ? `, ${dropped} dropped` : ''}`;
      tellChange(context, dryRun, app, { did: 'Changed', would: 'change', rest });
    });

type VerifyFlags = SecretFlags<'verifyToken'> & { readonly dryRun?: boolean };

const setVerifyTokenVerb = (context: Context) =>
  withSecret(
    newVerb('set-verify-token', {
      summary: 'stores what Meta repeats when the webhook of the app is set up',
      examples: ['talaria apps set-verify-token second --verify-token-stdin < verify.txt'],
    }),
    'verify-token',
    'the verify token',
  )
    .addArgument(noun.argument())
    .addOption(dryRunOption())
    .action(async (id: string, flags: VerifyFlags) => {
      const { dryRun = false } = flags;
      const access = await sealingAccess(context, { dryRun });
      await showApp(access.dataSource, id);
      const verifyToken = await requireSecret(context, 'verify-token', {
        ...{ stdin: flags.verifyTokenStdin, file: flags.verifyTokenFile },
      });
      const row = await setVerifyToken(access, id, verifyToken);
      tellChange(context, dryRun, row, {
        did: 'Stored',
        would: 'store',
        rest: `the verify token of app ${id}`,
      });
    });

function secretsText({ secrets, secretKeyIds }: ListedApp): string {
  if (secrets === 0) return 'no secret';
  return `${secrets} live, ${[...new Set(secretKeyIds)].map((id) => `key ${id}`).join(' and ')}`;
}

const verifyTokenText = ({ hasVerifyToken }: ListedApp) =>
  hasVerifyToken ? 'verify token set' : 'no verify token';
