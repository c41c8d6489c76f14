import { ConfigurationError } from '@talaria/config';

/** Runs a command of the command line: its result is the exit code, and a fault is one line, not a stack. */
export function runTool(main: () => Promise<number>): void {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      const isFault = !(error instanceof ConfigurationError) && process.env.DEBUG !== undefined;
      console.error(isFault ? error : error instanceof Error ? error.message : String(error));
      process.exit(1);
    },
  );
}
