import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { eventually } from '../../test/kit/eventually';
import { type Postgres, startPostgres } from './postgres';
import { removeOpenFolder } from './postgres-place';
import { repositoryRoot } from './repository';

describe('a Postgres of our own', () => {
  const directory = join(repositoryRoot(), '.talaria/tests', `postgres-${randomUUID().slice(0, 8)}`);
  let postgres: Postgres;

  beforeAll(async () => {
    postgres = await startPostgres({ directory, pidFiles: join(directory, 'pids'), say: () => undefined });
  }, 60_000);

  afterAll(async () => {
    await postgres.stop();
    removeOpenFolder(directory);
    rmSync(directory, { recursive: true, force: true });
  });

  async function connect(onError: (error: Error) => void = () => undefined): Promise<Client> {
    const client = new Client({ connectionString: postgres.url, connectionTimeoutMillis: 2000 });
    client.on('error', onError);
    await client.connect();
    return client;
  }

  async function numbers(): Promise<number[]> {
    const client = await connect();
    const { rows } = await client.query<{ n: number }>('SELECT n FROM numbers ORDER BY n');
    await client.end();
    return rows.map(({ n }) => n);
  }

  /** Writes one number after the other until it cannot. Resolves with all that it was told then: between two statements, the reason comes by itself. */
  async function write(confirmed: number[], from: number): Promise<string> {
    const told: unknown[] = [];
    const client = await connect((error) => told.push(error));
    try {
      for (let n = from; ; n++) {
        await client.query('INSERT INTO numbers VALUES ($1)', [n]);
        confirmed.push(n);
      }
    } catch (error) {
      return [...told, error].join();
    }
  }

  it.each(['kill', 'stop'] as const)(
    'has all that it has confirmed after %s and start, on its port',
    async (how) => {
      const client = await connect();
      await client.query('CREATE TABLE IF NOT EXISTS numbers (n integer PRIMARY KEY)');
      await client.query('TRUNCATE numbers');
      const { pid } = postgres;
      const confirmed: number[] = [];
      const writing = [1, 1_000_000].map((from) => write(confirmed, from));
      // One that has work to do, and looks for nobody's end.
      const busy = client
        .query('SELECT count(n) FROM (SELECT generate_series(1, 1000000000) AS n) AS numbers')
        .catch(() => 'ended');
      await eventually(() => expect(confirmed.length).toBeGreaterThan(100));
      await postgres[how]();
      const ends = await Promise.all(writing);
      expect(ends.some((end) => end.includes('administrator command'))).toBe(how === 'stop');
      expect(await busy).toBe('ended');
      expect(postgres.pid).toBeUndefined();
      await expect(connect()).rejects.toThrow('ECONNREFUSED');

      await postgres.start();
      expect(postgres.pid).not.toBe(pid);
      const kept = await numbers();
      expect(confirmed.filter((n) => !kept.includes(n))).toEqual([]);
    },
    60_000,
  );

  it('answers nobody while it is paused, and goes on when it is not; a paused one can be stopped', async () => {
    const client = await connect();
    postgres.pause();
    let isAnswered = false;
    const answer = client.query('SELECT 1').then(() => (isAnswered = true));
    await expect(connect()).rejects.toThrow('timeout');
    expect(isAnswered).toBe(false);
    postgres.resume();
    await answer;
    await client.end();

    postgres.pause();
    await sleep(50);
    const began = Date.now();
    await postgres.stop();
    expect(Date.now() - began).toBeLessThan(10_000);
    await postgres.start();
  }, 60_000);
});
