import { type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { nestLogger, type Logger } from '@talaria/observability';
import { AppModule } from './app.module';
import { type SimulatorOptions } from './simulator';

const BODY_LIMIT = 8 * 1024 * 1024;

/** The simulator as a Nest application that does not listen yet. */
export async function createApp(options: SimulatorOptions, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ bodyLimit: BODY_LIMIT, forceCloseConnections: true });
  const nest: Readonly<NestApplicationOptions> = { bodyParser: false, logger: nestLogger(logger) };
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.register(options), adapter, nest);
  // Bodies stay text: what is no JSON must get Meta's answer, not Fastify's.
  const fastify = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  return app;
}
