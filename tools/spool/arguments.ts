import { parseArgs } from 'node:util';
import { UsageError } from '../setup/run-tool';

export const verbs = ['status', 'verify', 'replay'] as const;
export type SpoolArguments = {
  readonly verb: (typeof verbs)[number];
  readonly directory: string;
  readonly json: boolean;
};

const usage = `usage: npm run spool -- status|verify|replay [--dir FOLDER] [--json]
  status   what waits in the folder, and who holds it
  verify   reads all of it and compares checksums; exit code 1 when something is damaged
  replay   sends all of it to the Kafka that KAFKA_BROKERS names, in order, and removes what was confirmed;
           also for the folder of a machine that is gone, and for "refused" below a spool
FOLDER is SPOOL_DIR when --dir is not given.`;

/** @throws {UsageError} */
export function readArguments(args: readonly string[], env: NodeJS.ProcessEnv): SpoolArguments {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { dir: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}`, { cause });
  }
  const [word, ...rest] = parsed.positionals;
  const verb = verbs.find((one) => one === word);
  if (verb === undefined || rest.length > 0) throw new UsageError(usage);
  const directory = parsed.values.dir ?? env.SPOOL_DIR ?? '';
  if (directory === '') throw new UsageError(`name the folder by --dir, or by SPOOL_DIR\n${usage}`);
  return { verb, directory, json: parsed.values.json };
}
