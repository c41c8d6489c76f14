import { ConfigurationError } from '@talaria/config';

/** The command line was wrong; the message ends with the usage. */
export class UsageError extends Error {}

/** Runs a command of the command line: its result is the exit code, and a fault is one line, not a stack; 2 when the command line was wrong. */
export function runTool(main: () => Promise<number>): void {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      const isFault = !(error instanceof ConfigurationError) && process.env.DEBUG !== undefined;
      console.error(isFault ? error : error instanceof Error ? error.message : String(error));
      process.exit(error instanceof UsageError ? 2 : 1);
    },
  );
}
