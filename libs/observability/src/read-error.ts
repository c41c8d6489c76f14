import { scrub } from './mask';

export type ErrorFields = {
  readonly type: string;
  readonly message?: string;
  readonly code?: string | number;
  /** Where it was thrown: the calls alone. */
  readonly stack?: string;
  readonly cause?: ErrorFields;
};

const MAX_CAUSES = 3;
const MAX_MESSAGE = 500;

/**
 * What is logged of an error: nothing that a library has hung on it (a database's parameters, a request with its headers), and of its message
 * nothing that looks like a phone, a wamid or a token.
 */
export function readError(error: unknown, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack = '', code, cause } = error as Error & { code?: unknown };
  const calls = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: name,
    message:
      name === 'SyntaxError' ? 'what was read is not well formed' : scrub(message.slice(0, MAX_MESSAGE)),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(calls.length > 0 && { stack: calls.join('\n') }),
    ...(cause instanceof Error && depth < MAX_CAUSES && { cause: readError(cause, depth + 1) }),
  };
}
