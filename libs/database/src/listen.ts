import { type Logger } from '@talaria/observability';
import { Client } from 'pg';
import { connectionOf, type DatabaseAddress } from './address';
import { impatientSocket } from './impatient-socket';

export type Listener = {
  /** Ends the connection; `onNotice` is not called any more. */
  close(): Promise<void>;
};

const BEAT_MS = 5000;
/** A connection that answers no beat is lost. */
const SILENCE_MS = 12_000;
const CONNECT_TIMEOUT_MS = 5000;
const AGAIN_MS = 100;
const AGAIN_AT_MOST_MS = 2000;

/**
 * Listens on a channel of Postgres, over a connection of its own, which is made again whenever it is lost: until `close`.
 * @param onNotice called for each notice, and each time the connection stands: what was told while it did not is never told again
 */
export function listen(options: {
  readonly database: DatabaseAddress;
  readonly channel: string;
  readonly onNotice: () => void;
  readonly logger: Logger;
}): Listener {
  const { database, channel, onNotice, logger } = options;
  let connection: { client: Client; beat?: NodeJS.Timeout; drop: () => void } | undefined;
  let again: NodeJS.Timeout | undefined;
  let failures = 0;
  let isClosed = false;

  async function connect(): Promise<void> {
    const socket = impatientSocket(SILENCE_MS);
    const client = new Client({
      ...connectionOf(database),
      application_name: 'talaria-listen',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      stream: () => socket,
    });
    const own: NonNullable<typeof connection> = { client, drop: () => socket.destroy() };
    connection = own;
    const lost = (error?: Error) => {
      if (connection !== own) return;
      connection = undefined;
      clearInterval(own.beat);
      own.drop();
      if (!isClosed) comeAgain(error);
    };
    client.on('notification', () => {
      if (!isClosed) onNotice();
    });
    client.on('error', lost);
    client.on('end', lost);
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      lost(error as Error);
      return;
    }
    failures = 0;
    own.beat = setInterval(() => void client.query('SELECT 1').catch(lost), BEAT_MS).unref();
    if (!isClosed) onNotice();
  }

  function comeAgain(error: Error | undefined): void {
    if (failures === 0)
      logger.warn({ err: error, channel }, 'no notices of changes are heard: they are looked for meanwhile');
    const afterMs = Math.min(AGAIN_MS * 2 ** failures, AGAIN_AT_MOST_MS);
    failures += 1;
    again = setTimeout(() => void connect(), afterMs).unref();
  }

  void connect();
  return {
    async close() {
      isClosed = true;
      clearTimeout(again);
      if (connection === undefined) return;
      const { client, beat, drop } = connection;
      clearInterval(beat);
      const late = setTimeout(drop, 1000);
      await client.end().catch(() => undefined);
      clearTimeout(late);
      drop();
    },
  };
}
