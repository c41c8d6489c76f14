import { parseArgs } from 'node:util';

export type DemoArguments = {
  /** How long traffic runs; undefined: until Ctrl-C. */
  readonly seconds: number | undefined;
  /** One JSON line at the end instead of a table. */
  readonly json: boolean;
};

/** @throws with the usage when an argument is wrong */
export function readArguments(args: readonly string[]): DemoArguments {
  const usage = 'usage: npm run demo -- [--seconds N] [--json]';
  let values: { seconds?: string | undefined; json?: boolean | undefined };
  try {
    values = parseArgs({
      args: [...args],
      options: { seconds: { type: 'string' }, json: { type: 'boolean' } },
    }).values;
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}`, { cause });
  }
  const { seconds, json = false } = values;
  if (seconds !== undefined && !/^[1-9]\d{0,4}$/.test(seconds)) {
    throw new Error(`--seconds must be a whole number from 1 to 99999\n${usage}`);
  }
  if (json && seconds === undefined) throw new Error(`--json needs --seconds, so that it ends\n${usage}`);
  return { seconds: seconds === undefined ? undefined : Number(seconds), json };
}
