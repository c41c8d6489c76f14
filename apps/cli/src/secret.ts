import { readFile } from 'node:fs/promises';
import { type Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import { type Context } from './context';
import { UsageError } from './fault-of';

/** Never an argument: others see those in the list of processes, and the shell writes them down. */
export type SecretFlags<Name extends string> = Readonly<
  Partial<Record<`${Name}Stdin`, boolean> & Record<`${Name}File`, string>>
>;

/** One line of visible characters: whatever Meta hands out. */
const SECRET = /^[!-~]{1,4096}$/;
const MOST_BYTES = 65_536;

/** `--token-stdin` and `--token-file PATH`. */
export function withSecret(verb: Command, flag: string, what: string): Command {
  return verb
    .addOption(new Option(`--${flag}-stdin`, `reads ${what} from standard input`))
    .addOption(new Option(`--${flag}-file <path>`, `reads ${what} from a file; - for standard input`));
}

/**
 * @returns undefined when neither flag is given
 * @throws {UsageError} when both are, or when what is there is not one line of visible characters; it says nothing of it
 */
export async function readSecret(
  context: Context,
  flag: string,
  { stdin = false, file }: { readonly stdin?: boolean | undefined; readonly file?: string | undefined },
): Promise<string | undefined> {
  if (stdin && file !== undefined) throw new UsageError(`give --${flag}-stdin or --${flag}-file, not both`);
  if (!stdin && file === undefined) return undefined;
  const isStdin = stdin || file === '-';
  if (isStdin && context.stdin.isTTY === true) context.say('Paste it, then Enter and Ctrl-D.');
  const secret = (isStdin ? await readAll(context.stdin) : await readSecretFile(flag, file ?? '')).trim();
  const source = isStdin ? 'standard input' : `--${flag}-file`;
  if (secret === '')
    throw new UsageError(`there is nothing in ${source}: the ${flag} is expected there, in one line`);
  if (!SECRET.test(secret))
    throw new UsageError(`what ${source} holds is not one line of visible characters: a ${flag} is`);
  return secret;
}

/** Likewise, where there has to be one. */
export async function requireSecret(
  context: Context,
  flag: string,
  flags: Parameters<typeof readSecret>[2],
): Promise<string> {
  const secret = await readSecret(context, flag, flags);
  if (secret === undefined)
    throw new UsageError(
      `give the ${flag} with --${flag}-stdin or --${flag}-file PATH; never as an argument`,
    );
  return secret;
}

async function readAll(stdin: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stdin) {
    parts.push(Buffer.from(part as Buffer));
    length += parts.at(-1)?.length ?? 0;
    if (length > MOST_BYTES) break;
  }
  return Buffer.concat(parts).toString();
}

async function readSecretFile(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(
      `--${flag}-file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? ''})`,
    );
  }
}
