import { ConfigurationError } from '@talaria/config';
import { classifyDatabaseError, MissingVersionError, tlsFault } from '@talaria/database';
import { RefusedError } from '@talaria/kafka';
import { NotFoundError, UnreachableError } from '@talaria/operations';
import { CommanderError } from 'commander';
import { type ExitCode, exitCodes } from './exit-codes';

/** The command line was wrong in a way that the parser cannot see. */
export class UsageError extends Error {}

export type Fault = { readonly code: ExitCode; readonly message: string };

/** What a person is told of an error, and what a script is: no stack, no statement, no password. */
export function faultOf(error: unknown, env: NodeJS.ProcessEnv): Fault {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommanderError)
    return { code: exitCodes.usage, message: message.replace(/^error: /, '') };
  if (error instanceof UsageError || error instanceof ConfigurationError)
    return { code: exitCodes.usage, message };
  if (error instanceof NotFoundError || error instanceof MissingVersionError)
    return { code: exitCodes.notFound, message };
  if (error instanceof UnreachableError || error instanceof RefusedError)
    return { code: exitCodes.unreachable, message };
  return kafkaFault(error, env) ?? databaseFault(error, env) ?? { code: exitCodes.failed, message };
}

function kafkaFault(error: unknown, env: NodeJS.ProcessEnv): Fault | undefined {
  const { name, cause } = (error ?? {}) as { name?: string; cause?: unknown };
  if (name?.startsWith('KafkaJS') !== true) return undefined;
  if (name === 'KafkaJSNumberOfRetriesExceeded' && cause !== undefined) return kafkaFault(cause, env);
  const where = env.KAFKA_BROKERS ?? 'KAFKA_BROKERS';
  if (!/Connection|Timeout|BrokerNotFound|NumberOfRetries/.test(name)) return undefined;
  return {
    code: exitCodes.unreachable,
    message: `Kafka does not answer at ${where}: check that it runs, KAFKA_BROKERS, and KAFKA_SSL`,
  };
}

function databaseFault(error: unknown, env: NodeJS.ProcessEnv): Fault | undefined {
  const untrusted = tlsFault(error);
  if (untrusted !== undefined)
    return {
      code: exitCodes.unreachable,
      message: `The database at ${placeOf(env.DATABASE_URL)} is not connected to: ${untrusted}`,
    };
  const { code } = (error ?? {}) as { code?: unknown };
  if (code !== undefined && typeof code !== 'string') return undefined;
  // What pg says of a connection that is not answered, or is cut, has no code.
  const sqlState = code ?? 'no answer';
  const where = placeOf(env.DATABASE_URL);
  const unreachable = (message: string) => ({ code: exitCodes.unreachable, message });
  if (sqlState.startsWith('28'))
    return unreachable(`The database at ${where} refuses the user: check user and password in DATABASE_URL`);
  if (sqlState === '3D000')
    return unreachable(
      `There is no database ${where}: create it, or correct DATABASE_URL; then talaria database migrate`,
    );
  if (sqlState === '42501')
    return {
      code: exitCodes.failed,
      message: `The user of DATABASE_URL may not do this: ${(error as Error).message}. What makes or changes tables is for their owner; else see talaria database grant --help`,
    };
  if (/^(42P01|42703|42883|3F000)$/.test(sqlState))
    return {
      code: exitCodes.failed,
      message: `The schema of the database ${where} is not that of this release: talaria database migrate`,
    };
  if (classifyDatabaseError(error) !== 'unavailable') return undefined;
  return unreachable(
    `The database does not answer at ${where} (${sqlState}): check that it runs, and DATABASE_URL`,
  );
}

/** Host, port and name, without user and password. */
function placeOf(url = ''): string {
  if (!URL.canParse(url)) return 'DATABASE_URL';
  const { host, pathname } = new URL(url);
  return host + pathname;
}
