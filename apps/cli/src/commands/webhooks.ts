import { randomUUID } from 'node:crypto';
import { list } from '@talaria/config';
import {
  sendWebhook,
  signedBy,
  type SimulatedParties,
  type WebhookAnswer,
  type WebhookKind,
  webhookKinds,
  webhookOfKind,
} from '@talaria/operations';
import { isSignatureForm, sign } from '@talaria/whatsapp';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { matching, metaId, notBlank, whole } from '../flags';
import { readInput } from '../input';
import { dryRunOption, newNoun, newVerb } from '../verb';

export function webhooksCommand(context: Context): Command {
  return newNoun('webhooks', 'what Meta sends to ingestion')
    .addCommand(simulateVerb(context))
    .addCommand(verifyVerb(context));
}

const SECRETS_HELP =
  'The app secret comes from WHATSAPP_APP_SECRET, or from --secret-file; two are separated by a comma or a line.';

const secretFileOption = () =>
  new Option('--secret-file <path>', 'a file that holds the app secret; - for standard input');

/** @throws {UsageError} */
async function secretsOf(context: Context, path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) {
    const desc = "the Meta app's secret, in place of --secret-file";
    return context.settings({ WHATSAPP_APP_SECRET: list(2)({ desc }) }).WHATSAPP_APP_SECRET;
  }
  const text = (await readInput(context, path)).toString('utf8');
  const secrets = text.split(/[,\r\n]+/).filter((secret) => secret.trim() !== '');
  if (secrets.length === 0) throw new UsageError(`--secret-file ${path} holds no secret`);
  if (secrets.length > 2) throw new UsageError(`--secret-file ${path} must hold at most two secrets`);
  return secrets.map((secret) => secret.trim());
}

function refuseStdinTwice(...paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError('only one of --file and --secret-file can be standard input');
}

type SimulateFlags = {
  readonly kind?: WebhookKind;
  readonly file?: string;
  readonly url: string;
  readonly secretFile?: string;
  readonly dryRun?: boolean;
  readonly waba: string;
  readonly number: string;
  readonly displayNumber: string;
  readonly customer: string;
  readonly wamid?: string;
  readonly code: number;
};

const simulateVerb = (context: Context) =>
  newVerb('simulate', {
    summary: 'posts a signed webhook to ingestion, and tells its answer; exit code 1 when that is not 200',
    more: `Either of a kind, or the bytes of a file as they are. ${SECRETS_HELP}`,
    examples: [
      'talaria webhooks simulate --kind text --waba 1000 --number 2000',
      'talaria webhooks simulate --kind failed --code 131026 --wamid wamid.HBg --number 2000',
      'talaria webhooks simulate --file captured.json --secret-file app-secret.txt --url https://example.com/webhooks/whatsapp',
      'cat captured.json | talaria webhooks simulate --file -',
    ],
  })
    .addOption(new Option('--kind <kind>', 'what it tells').choices(webhookKinds).conflicts('file'))
    .addOption(new Option('--file <path>', 'its body; - for standard input'))
    .addOption(
      new Option('--url <url>', "ingestion's")
        .argParser(httpUrl)
        .default('http://localhost:3000/webhooks/whatsapp'),
    )
    .addOption(secretFileOption())
    .addOption(new Option('--waba <id>', 'the account').argParser(metaId).default('1000'))
    .addOption(new Option('--number <id>', "the number's phone number id").argParser(metaId).default('2000'))
    .addOption(
      new Option('--display-number <phone>', "the number's phone")
        .argParser(notBlank)
        .default('+1 555 010 0000'),
    )
    .addOption(
      new Option('--customer <phone>', 'who writes, or was written to; digits')
        .argParser(phoneDigits)
        .default('15550001111'),
    )
    .addOption(new Option('--wamid <id>', 'of the message (default: a new one)').argParser(notBlank))
    .addOption(
      new Option('--code <n>', "Meta's code, for failed").argParser(whole(0, 999_999)).default(131026),
    )
    .addOption(dryRunOption())
    .action(async (flags: SimulateFlags) => {
      refuseStdinTwice(flags.file, flags.secretFile);
      const body = await bodyOf(context, flags);
      const [secret = ''] = await secretsOf(context, flags.secretFile);
      const { url, dryRun = false } = flags;
      if (dryRun) {
        const signature = sign(body, secret);
        context.answer(
          { dryRun, url, signature, body: body.toString('utf8') },
          () => `POST ${url}\nx-hub-signature-256: ${signature}\n\n${body.toString('utf8')}`,
        );
        return;
      }
      const answer = await sendWebhook(url, body, secret);
      context.answer({ dryRun, url, bytes: body.length, ...answer }, () => answerText(body.length, answer));
      if (answer.status !== 200) context.exitWith(exitCodes.failed);
      const remedy = remedies[answer.status];
      if (remedy !== undefined) context.say(remedy);
    });

async function bodyOf(context: Context, flags: SimulateFlags): Promise<Buffer> {
  if (flags.file !== undefined) return readInput(context, flags.file);
  if (flags.kind === undefined) throw new UsageError(`name --kind (${webhookKinds.join(', ')}) or --file`);
  const of: SimulatedParties = {
    wabaId: flags.waba,
    phoneNumberId: flags.number,
    displayPhoneNumber: flags.displayNumber,
    customer: flags.customer,
    wamid: flags.wamid ?? `wamid.simulated-${randomUUID()}`,
    code: flags.code,
  };
  return webhookOfKind(flags.kind, of, Date.now());
}

function answerText(bytes: number, { status, body, ms }: WebhookAnswer): string {
  return [`${bytes} bytes sent, answered ${status} in ${ms} ms`, ...(body === '' ? [] : [body])].join('\n');
}

const remedies: Readonly<Record<number, string>> = {
  401: 'The signature is not taken: the secret is not that of the app which ingestion has.',
  404: 'There is no such path, or no app of that name with a secret: check --url, and talaria apps list.',
  413: 'The body is larger than a webhook of Meta may be.',
  503: 'Nothing was kept: neither Kafka nor the spool takes it, or a secret of the app does not open (talaria keys status). Meta would send it again.',
};

type VerifyFlags = { readonly file: string; readonly signature: string; readonly secretFile?: string };

const verifyVerb = (context: Context) =>
  newVerb('verify', {
    summary:
      'whether a signature is over exactly the bytes of a file, and by which secret; exit code 1 when not',
    more: SECRETS_HELP,
    examples: [
      'talaria webhooks verify --file captured.json --signature sha256=5d61… --secret-file app-secret.txt',
    ],
  })
    .addOption(new Option('--file <path>', 'the body; - for standard input').makeOptionMandatory())
    .addOption(
      new Option('--signature <header>', 'the value of X-Hub-Signature-256')
        .argParser(signatureOf)
        .makeOptionMandatory(),
    )
    .addOption(secretFileOption())
    .action(async ({ file, signature, secretFile }: VerifyFlags) => {
      refuseStdinTwice(file, secretFile);
      const secrets = await secretsOf(context, secretFile);
      const body = await readInput(context, file);
      const secret = signedBy(body, signature, secrets);
      context.answer({ valid: secret !== undefined, secret: secret ?? null, bytes: body.length }, () =>
        secret === undefined
          ? `Not valid: none of ${secrets.length} secrets has signed these ${body.length} bytes. Another secret, or other bytes: they must be as they came, not written anew.`
          : `Valid: secret ${secret} of ${secrets.length} has signed these ${body.length} bytes.`,
      );
      if (secret === undefined) context.exitWith(exitCodes.failed);
    });

const phoneDigits = matching(/^[0-9]{5,20}$/, 'a phone number of digits only, with its country code');

function signatureOf(text: string): string {
  if (!isSignatureForm(text)) throw new InvalidArgumentError('It must be sha256= and 64 hex digits.');
  return text;
}

function httpUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must be a URL that begins with http:// or https://.');
  return text;
}
