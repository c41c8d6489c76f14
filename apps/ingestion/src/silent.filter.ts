import { Catch, type ArgumentsHost, type ExceptionFilter, HttpException } from '@nestjs/common';
import { type Logger } from '@talaria/observability';
import { type FastifyReply } from 'fastify';

/** Answers errors with a status and nothing else. */
@Catch()
export class SilentFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const status = statusOf(error);
    if (status === 500) this.logger.error({ err: error }, 'a request failed');
    void reply.status(status).header('connection', 'close').send();
  }
}

/** Fastify's own errors (body too large, no content type) carry a statusCode. */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : 500;
}
