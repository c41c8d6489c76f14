import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { type Context } from './context';
import { UsageError } from './fault-of';

/** All bytes of a file; `-` is standard input. @throws {UsageError} when it cannot be read */
export async function readInput({ stdin }: Pick<Context, 'stdin'>, path: string): Promise<Buffer> {
  if (path === '-') return buffer(stdin);
  try {
    return await readFile(path);
  } catch (cause) {
    throw new UsageError(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`, {
      cause,
    });
  }
}
