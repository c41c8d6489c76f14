import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type VerifiedProducer } from '@talaria/kafka';
import { type Logger, nestLogger } from '@talaria/observability';
import { AppModule } from './app.module';
import { type IngestionConfig } from './config';
import { SilentFilter } from './silent.filter';

/** Meta sends up to 3 MB. */
const BODY_LIMIT = 4 * 1024 * 1024;

/** The HTTP server, not listening yet. Bodies stay the bytes that came: the signature is over them. */
export async function createApp(
  config: IngestionConfig,
  producer: VerifiedProducer,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // Below the time that stopping may take: a body that trickles in does not hold it up.
    requestTimeout: 5_000,
    connectionTimeout: 30_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with(config, producer, logger),
    adapter,
    {
      bodyParser: false,
      logger: nestLogger(logger),
      abortOnError: false,
    },
  );
  const server = adapter.getInstance();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.useGlobalFilters(new SilentFilter(logger));
  return app;
}
