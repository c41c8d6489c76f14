import { createInterface } from 'node:readline';
import { Option } from 'commander';
import { type Context } from './context';
import { UsageError } from './fault-of';

export const yesOption = () => new Option('--yes', 'does not ask');

/**
 * Asks before something is done that cannot be undone.
 * @throws {UsageError} where nobody can be asked; another error when the answer is not yes
 */
export async function confirm(
  { stdin, stderr }: Context,
  { yes = false, dryRun = false }: { readonly yes?: boolean; readonly dryRun?: boolean },
  question: string,
): Promise<void> {
  if (yes || dryRun) return;
  if (stdin.isTTY !== true)
    throw new UsageError('nobody is there to be asked: add --yes, or look first with --dry-run');
  stderr.write(`${question} [y/N] `);
  const lines = createInterface({ input: stdin });
  const answer = await new Promise<string>((resolve) =>
    lines.once('line', resolve).once('close', () => resolve('')),
  );
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Error('Nothing was done.');
}
