import { PhoneNumber } from '@talaria/database';
import { type Logger } from '@talaria/observability';
import { type DataSource } from 'typeorm';

/** The business numbers, as they were read last. */
export type Registry = {
  find(phoneNumberId: string): PhoneNumber | undefined;
  all(): Iterable<PhoneNumber>;
  /** Reads again now, at most once a second: for a number that was added a moment ago. */
  refresh(): Promise<void>;
  close(): void;
};

const REFRESH_AT_MOST_MS = 1000;

/**
 * Reads the numbers, then again every `pollMs`. While the database is away the last ones stay.
 * @param onChange called after every reading
 */
export async function openRegistry(
  dataSource: DataSource,
  pollMs: number,
  logger: Logger,
  onChange: (registry: Registry) => void,
): Promise<Registry> {
  let numbers = new Map<string, PhoneNumber>();
  let readAt = 0;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    readAt = Date.now();
    const rows = await dataSource.getRepository(PhoneNumber).find();
    numbers = new Map(rows.map((row) => [row.phoneNumberId, row]));
    onChange(registry);
  }

  async function refresh(): Promise<void> {
    if (Date.now() - readAt < REFRESH_AT_MOST_MS) return reading;
    reading = read().catch((error: unknown) => logger.warn({ err: error }, 'the registry could not be read'));
    await reading;
  }

  const registry: Registry = {
    find: (phoneNumberId) => numbers.get(phoneNumberId),
    all: () => numbers.values(),
    refresh,
    close: () => clearInterval(poll),
  };
  const poll = setInterval(() => void refresh(), pollMs).unref();
  await read();
  return registry;
}
