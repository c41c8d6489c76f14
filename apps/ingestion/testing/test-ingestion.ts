import { type AddressInfo } from 'node:net';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OutgoingRecord } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { sign } from '@talaria/whatsapp';
import { type Apps, onlyApp, ownAppOf } from '../src/apps/app';
import { readConfig } from '../src/config';
import { createApp } from '../src/create-app';
import { type EdgeLimits, edgeLimits } from '../src/edge';
import { type RecordWriter } from '../src/spool/record-writer';

export const secrets = ['first-app-secret', 'second-app-secret'] as const;
export const verifyToken = 'a verify token';

/** The real app on a port of its own, with a writer that keeps what it is given. */
export type TestIngestion = {
  readonly port: number;
  readonly app: NestFastifyApplication;
  /** What was written, oldest first. */
  readonly records: OutgoingRecord[];
  close(): Promise<void>;
};

const open = new Set<TestIngestion>();

/** Closes what a failed test has left open. */
export async function closeIngestions(): Promise<void> {
  await Promise.all([...open].map((one) => one.close()));
}

/**
 * @param options.write asked before a record is kept: it may hold the request up, or reject
 * @param options.maxConnections default 4096
 * @param options.apps default: the one that `secrets` and `verifyToken` are of
 */
export async function startIngestion(
  options: {
    readonly limits?: Partial<EdgeLimits>;
    readonly maxConnections?: number;
    readonly write?: (record: OutgoingRecord) => Promise<void>;
    readonly apps?: Apps;
  } = {},
): Promise<TestIngestion> {
  const { limits, maxConnections = 4096, write } = options;
  const config = readConfig({
    KAFKA_BROKERS: '127.0.0.1:1',
    HTTP_MAX_CONNECTIONS: String(maxConnections),
    WHATSAPP_APP_SECRET: secrets.join(','),
    WHATSAPP_VERIFY_TOKEN: verifyToken,
    SPOOL_DIR: '-',
  });
  const records: OutgoingRecord[] = [];
  const writer = {
    async write(record: OutgoingRecord) {
      await write?.(record);
      records.push(record);
    },
    fault: () => undefined,
  } as unknown as RecordWriter;
  const logger = createLogger('test', process.env.LOG_LEVEL ?? 'silent');
  const apps = options.apps ?? onlyApp(ownAppOf(config));
  const app = await createApp(config, apps, writer, logger, { ...edgeLimits, ...limits });
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpAdapter().getInstance().server;
  const ingestion: TestIngestion = {
    port: (server.address() as AddressInfo).port,
    app,
    records,
    async close() {
      open.delete(ingestion);
      const closed = app.close();
      server.closeAllConnections();
      await closed;
    },
  };
  open.add(ingestion);
  return ingestion;
}

/** A POST as Meta sends it, down to the bytes. Given headers replace those of the same name; undefined leaves one out. */
export function webhook(
  body: Buffer | string,
  headers: Readonly<Record<string, string | undefined>> = {},
  line = 'POST /webhooks/whatsapp HTTP/1.1',
): Buffer {
  const bytes = Buffer.from(body);
  const all = {
    Host: 'talaria.example',
    'Content-Type': 'application/json',
    'Content-Length': String(bytes.length),
    'X-Hub-Signature-256': sign(bytes, secrets[0]),
    ...headers,
  };
  return Buffer.concat([head(line, all), bytes]);
}

/** A request line and headers. */
export function head(line: string, headers: Readonly<Record<string, string | undefined>> = {}): Buffer {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return Buffer.from(`${[line, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
}
