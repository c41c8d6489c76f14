import 'reflect-metadata';
import { type ClientBase } from 'pg';
import { AbstractLogger, DataSource } from 'typeorm';
import { connectionOf, type DatabaseAddress } from './address';
import { DispatchCommand } from './entities/ledger.entities';
import { MetaApp, PhoneNumber, Waba } from './entities/registry.entities';
import { impatientSocket } from './impatient-socket';
import { Initial1763900000000 } from './migrations/1763900000000-initial';
import { schemaOf } from './projection/schema-of';
import { showPool } from './pools';

/** What is read and written row by row. The read model is not: it is written by batches, and read by SQL. */
export const entities = [MetaApp, Waba, PhoneNumber, DispatchCommand];

/** A statement that takes longer has gone wrong; its work comes again. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** By then the server has ended the statement and said so, unless it cannot be heard. */
const SILENCE_MS = STATEMENT_TIMEOUT_MS + 5000;
const KEEP_ALIVE_MS = 10_000;
/** Shorter, where it must be told apart whether a statement is slow or another transaction holds it up. */
const LOCK_TIMEOUT_MS = 20_000;

/** TypeORM would print on standard output, which belongs to answers and log lines. What fails is thrown. */
class Silent extends AbstractLogger {
  protected writeLog = () => undefined;
}

/**
 * Between its hand-over by the pool and TypeORM's own listener a connection has none, for a moment: one that breaks just then, its last answer
 * and its end in one packet, as when the server is shut down, would end the process. Its next statement fails all the same.
 */
function hearErrors(client: ClientBase): void {
  client.on('error', () => undefined);
}

/**
 * The database, not connected yet: whoever calls `initialize` also calls `destroy`. Never changes the schema by itself.
 * @param projection sees only the tables of this version, instead of what is public
 * @param silenceMs after so long without a byte from the server, or to it, a connection is given up, and its statement fails; 0 for never,
 * which is for whoever runs statements without a timeout
 */
export function createDataSource(
  config: DatabaseAddress & { readonly DATABASE_POOL_SIZE: number },
  projection?: number,
  silenceMs = SILENCE_MS,
): DataSource {
  const { connectionString, ssl } = connectionOf(config);
  const dataSource = new DataSource({
    type: 'postgres',
    url: connectionString,
    ssl,
    entities,
    migrations: [Initial1763900000000],
    synchronize: false,
    logger: new Silent(),
    applicationName: 'talaria',
    poolSize: config.DATABASE_POOL_SIZE,
    connectTimeoutMS: 5000,
    extra: {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      stream: () => impatientSocket(silenceMs),
      onConnect: hearErrors,
      ...(projection !== undefined && {
        options: `-c search_path=${schemaOf(projection)}`,
        lock_timeout: LOCK_TIMEOUT_MS,
      }),
    },
    // A connection that breaks while it is idle: the pool opens another.
    poolErrorHandler: () => undefined,
  });
  showPool(dataSource);
  return dataSource;
}
