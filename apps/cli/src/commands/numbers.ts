import {
  addNumber,
  checkToken,
  type ListedNumber,
  listNumbers,
  pauseNumber,
  readNumberChanges,
  removeNumber,
  resumeNumber,
  rotateNumberToken,
  setNumberRate,
  showNumber,
  testNumber,
  type TestedNumber,
} from '@talaria/operations';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { matching, metaId } from '../flags';
import { printable } from '../output/fields';
import { showTable, tableOf } from '../output/table';
import { sealingAccess, withMeta } from '../registry-access';
import {
  changesText,
  idArgument,
  pauseVerb,
  numberRate,
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

const noun: RegistryNoun = {
  ...{ one: 'number', many: 'numbers', example: '2000' },
  argument: () => idArgument('number', "Meta's phone number id"),
};

export function numbersCommand(context: Context): Command {
  return newNoun('numbers', 'business phone numbers: what they may send, and with which token')
    .addCommand(addVerb(context))
    .addCommand(listVerb(context))
    .addCommand(showVerb(context))
    .addCommand(pauseVerb(context, noun, pauseNumber))
    .addCommand(resumeVerb(context, noun, resumeNumber))
    .addCommand(
      setRateVerb(
        context,
        noun,
        {
          summary: 'what Meta allows the number, in messages a second',
          more: '80 by default, 1000 after its upgrade, 20 beside the WhatsApp Business app. What it receives counts too.',
          examples: ['1000'],
          parse: numberRate,
        },
        setNumberRate,
      ),
    )
    .addCommand(rotateTokenVerb(context))
    .addCommand(testVerb(context))
    .addCommand(
      removeVerb(
        context,
        noun,
        'Refused while commands of it wait, in the backlog or for a further attempt: they would be given up as invalid.',
        removeNumber,
      ).addOption(new Option('--force', 'also when commands of it wait')),
    );
}

type AddFlags = SecretFlags<'token'> & {
  readonly account: string;
  readonly phone: string;
  readonly rate?: number;
  readonly check?: boolean;
  readonly dryRun?: boolean;
};

const addVerb = (context: Context) =>
  withSecret(
    newVerb('add', {
      summary: 'makes a number known, of an account that is known',
      more: 'Without a token of its own it sends with its account’s.',
      examples: [
        'talaria numbers add 2000 --account 1000 --phone "+1 555 010 0000"',
        'talaria numbers add 2000 --account 1000 --phone "+1 555 010 0000" --rate 1000 --token-file token.txt --check',
      ],
    }),
    'token',
    'an access token of its own',
  )
    .addArgument(noun.argument())
    .addOption(new Option('--account <waba>', "Meta's WABA id").argParser(metaId).makeOptionMandatory())
    .addOption(
      new Option('--phone <number>', 'the phone number, as people write it')
        .argParser(matching(/^\+?\d[\d ()-]{3,24}$/, 'a phone number like "+1 555 010 0000"'))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--rate <rate>', 'messages a second that Meta allows it; 80 by default').argParser(
        numberRate,
      ),
    )
    .addOption(new Option('--check', 'asks Meta with the token first, and stores nothing when it refuses'))
    .addOption(dryRunOption())
    .action(async (phoneNumberId: string, flags: AddFlags) => {
      const { account: wabaId, phone: displayPhoneNumber, rate, check = false, dryRun = false } = flags;
      const access = await sealingAccess(context, { dryRun, asksMeta: check });
      const accessToken = await readSecret(context, 'token', {
        stdin: flags.tokenStdin,
        file: flags.tokenFile,
      });
      if (check && accessToken === undefined)
        throw new UsageError(
          '--check asks with the token that is stored: give --token-stdin or --token-file too',
        );
      if (check && accessToken !== undefined)
        await withMeta(context, (meta) => checkToken(meta, phoneNumberId, accessToken));
      const row = await addNumber(access, {
        ...{ phoneNumberId, wabaId, displayPhoneNumber },
        ...(rate !== undefined && { messagesPerSecond: rate }),
        ...(accessToken !== undefined && { accessToken }),
      });
      const rest = `number ${phoneNumberId} of account ${wabaId}, ${row.messagesPerSecond} messages a second, token: ${tokenText(row)}`;
      tellChange(context, dryRun, row, { did: 'Added', would: 'add', rest });
    });

const listVerb = (context: Context) =>
  newVerb('list', {
    summary: 'every number, and whether it sends',
    examples: ['talaria numbers list', 'talaria numbers list --account 1000 -o json'],
  })
    .addOption(new Option('--account <waba>', 'only those of this account').argParser(metaId))
    .action(async ({ account }: { account?: string }) => {
      const numbers = await listNumbers(await context.dataSource(), account);
      context.answer(numbers, () =>
        numbers.length === 0
          ? 'No number is registered: talaria numbers add --help'
          : listText(context, numbers),
      );
    });

function listText(context: Context, numbers: readonly ListedNumber[]): string {
  const rows = numbers.map((number) => [
    ...[number.phoneNumberId, number.wabaId, number.displayPhoneNumber, `${number.messagesPerSecond}/s`],
    ...[number.backlog, tokenText(number), stateText(number)],
  ]);
  return showTable(context, ['number', 'account', 'phone', 'rate', 'backlog', 'token', 'state'], rows);
}

const showVerb = (context: Context) =>
  newVerb('show', {
    summary: 'one number, and what people and Meta have changed of it',
    examples: ['talaria numbers show 2000'],
  })
    .addArgument(noun.argument())
    .action(async (id: string) => {
      const dataSource = await context.dataSource();
      const number = await showNumber(dataSource, id);
      const changes = await readNumberChanges(dataSource, id);
      context.answer({ ...number, changes }, () => {
        const about = tableOf(
          ['number', number.phoneNumberId],
          [
            ['account', number.wabaId],
            ['phone', number.displayPhoneNumber],
            ['rate', `${number.messagesPerSecond}/s, received and sent together`],
            ['token', tokenText(number)],
            ['state', stateText(number)],
            ['backlog', `${number.backlog} commands`],
          ],
        );
        return about + changesText(context, changes);
      });
    });

type RotateFlags = SecretFlags<'token'> & {
  readonly ofAccount?: boolean;
  readonly check?: boolean;
  readonly dryRun?: boolean;
};

const rotateTokenVerb = (context: Context) =>
  withSecret(
    newVerb('rotate-token', {
      summary: 'the number sends with another access token',
      more: 'Dispatchers use it within a second. A number that Meta refused is asked about with it at once.',
      examples: [
        'talaria numbers rotate-token 2000 --token-stdin --check < token.txt',
        'talaria numbers rotate-token 2000 --of-account',
      ],
    }),
    'token',
    'the access token',
  )
    .addArgument(noun.argument())
    .addOption(
      new Option('--of-account', 'from now on it sends with its account’s token; its own is forgotten'),
    )
    .addOption(new Option('--check', 'asks Meta with the token first, and stores nothing when it refuses'))
    .addOption(dryRunOption())
    .action(async (id: string, flags: RotateFlags) => {
      const { ofAccount = false, check = false, dryRun = false } = flags;
      const source = { stdin: flags.tokenStdin, file: flags.tokenFile };
      if (ofAccount && (source.stdin !== undefined || source.file !== undefined || check))
        throw new UsageError('--of-account takes no token');
      const access = await sealingAccess(context, { dryRun, asksMeta: check });
      await showNumber(access.dataSource, id);
      const token = ofAccount ? null : await requireSecret(context, 'token', source);
      if (check && token !== null) await withMeta(context, (meta) => checkToken(meta, id, token));
      const row = await rotateNumberToken(access, id, token);
      const rest = `the token of number ${id}: ${tokenText(row)}`;
      tellChange(context, dryRun, row, { did: 'Replaced', would: 'replace', rest });
    });

const testVerb = (context: Context) =>
  newVerb('test', {
    summary: 'asks Meta about the number with its token; exit code 1 when something is wrong',
    more: 'Sends nothing. Each problem is told with what to do.',
    examples: ['talaria numbers test 2000', 'talaria numbers test 2000 -o json'],
  })
    .addArgument(noun.argument())
    .action(async (id: string) => {
      const access = await sealingAccess(context, { asksMeta: true });
      const tested = await withMeta(context, (meta) => testNumber(access, meta, id));
      context.answer(tested, () => testText(context, [tested]));
      if (tested.problems.length > 0) context.exitWith(exitCodes.failed);
    });

export function testText(context: Context, tested: readonly TestedNumber[]): string {
  const rows = tested.map(({ phoneNumberId, verifiedName, qualityRating, status, problems }) => [
    ...[phoneNumberId, printable(verifiedName ?? ''), qualityRating ?? '', status ?? ''],
    problems.length === 0 ? 'well' : `${problems.length} to mend`,
  ]);
  const problems = tested.flatMap((one) =>
    one.problems.map(({ problem, remedy }) => `${one.phoneNumberId}: ${problem}: ${remedy}`),
  );
  return [showTable(context, ['number', 'name', 'quality', 'status', 'found'], rows), ...problems].join('\n');
}
