import { type Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Logger, nestLogger } from '@talaria/observability';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { AppModule } from './app.module';
import { type Apps } from './apps/app';
import { type IngestionConfig } from './config';
import { type EdgeLimits, edgeLimits, guardEdge } from './edge';
import { SilentFilter } from './silent.filter';
import { type RecordWriter } from './spool/record-writer';
import { createWebhookReport } from './webhook/webhook-report';

/** The HTTP server, not listening yet. */
export async function createApp(
  config: Pick<IngestionConfig, 'HTTP_MAX_CONNECTIONS'>,
  apps: Apps,
  writer: RecordWriter,
  logger: Logger,
  limits: EdgeLimits = edgeLimits,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    http: { connectionsCheckingInterval: limits.checkMs, headersTimeout: limits.requestMs },
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    // Also for who sends requests and does not read the answers.
    connectionTimeout: limits.idleMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    skipMiddie: true,
    frameworkErrors: ({ code }: { code?: string }, _request: FastifyRequest, reply: FastifyReply) =>
      void reply
        .code(code === 'FST_ERR_MAX_PARAM_LENGTH' ? 404 : 400)
        .header('connection', 'close')
        .send(),
    clientErrorHandler: answerSilently,
  });
  const report = createWebhookReport(logger);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with(writer, report, logger),
    adapter,
    {
      bodyParser: false,
      logger: nestLogger(logger),
      abortOnError: false,
    },
  );
  guardEdge(adapter.getInstance(), {
    apps,
    report,
    maxConnections: config.HTTP_MAX_CONNECTIONS,
    maxBytes: limits.bodiesBytes,
  });
  app.useGlobalFilters(new SilentFilter(logger));
  return app;
}

/** What is no HTTP, or comes too slowly: a status without a word, and the end of the connection. */
function answerSilently(error: NodeJS.ErrnoException, socket: Socket): void {
  const status = statuses[error.code ?? ''] ?? '400 Bad Request';
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  // Who does not close his side is cut off.
  socket.destroySoon();
}

const statuses: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};
