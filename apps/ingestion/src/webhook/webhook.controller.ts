import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import {
  Controller,
  Get,
  HttpCode,
  HttpException,
  HttpStatus,
  Inject,
  Post,
  Query,
  Req,
} from '@nestjs/common';
import { topics } from '@talaria/contracts';
import { type Logger } from '@talaria/observability';
import { isSigned, signatureHeader } from '@talaria/whatsapp';
import { context } from '@opentelemetry/api';
import { type FastifyRequest } from 'fastify';
import { type App } from '../apps/app';
import { LOGGER, WEBHOOK_REPORT } from '../tokens';
import { type WebhookReport } from './webhook-report';
import { inWebhookSpan } from './webhook-span';
import { type Refusal, statusOf, webhookDuration, webhookItems } from './webhook.metrics';
import { WebhookPublisher } from './webhook.publisher';

/** An answer without a word: it tells nobody what was wrong. */
const silent = (status: number) => new HttpException('', status);

/** The edge has found whose webhook a request is. */
@Controller(['webhooks/whatsapp', 'webhooks/whatsapp/:app'])
export class WebhookController {
  private toldAt = -Infinity;
  /** Webhooks refused since it was told last. */
  private untold = 0;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(WebhookPublisher) private readonly publisher: WebhookPublisher,
    @Inject(WEBHOOK_REPORT) private readonly report: WebhookReport,
  ) {}

  /** Meta's handshake when the callback URL is set: the challenge, and nothing else. */
  @Get()
  verify(@Req() { app }: FastifyRequest, @Query() query: Readonly<Record<string, unknown>>): string {
    if (app === undefined) throw silent(HttpStatus.NOT_FOUND);
    const { 'hub.mode': mode, 'hub.verify_token': token, 'hub.challenge': challenge } = query;
    const isMeta = mode === 'subscribe' && typeof token === 'string' && isVerifyToken(token, app);
    if (!isMeta || typeof challenge !== 'string')
      throw silent(app.isTokenSealed || app.isStale ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.FORBIDDEN);
    return challenge;
  }

  /** 200 only when every item is kept. Everything else makes Meta send it again. */
  @Post()
  @HttpCode(200)
  async receive(@Req() { body, headers, app }: FastifyRequest): Promise<void> {
    const stop = webhookDuration.startTimer();
    try {
      if (app === undefined) throw silent(HttpStatus.NOT_FOUND);
      if (!Buffer.isBuffer(body) || !isSigned(body, headers[signatureHeader], app.secrets)) {
        const refusal = unsignedBy(app);
        this.report(refusal, { app: app.id, bytes: Buffer.isBuffer(body) ? body.length : 0 });
        throw silent(statusOf[refusal]);
      }
      await this.publish(body, app.id);
    } finally {
      stop();
    }
  }

  private async publish(body: Buffer, appId: string): Promise<void> {
    const began = performance.now();
    const delivery = { deliveryId: randomUUID(), receivedAt: new Date(), body, appId };
    try {
      await inWebhookSpan(delivery, async (trace) => {
        const records = await this.publisher.publish(delivery, trace);
        const [first] = records;
        const isJson = first?.topic === topics.webhooks.name;
        for (const { sort } of records) if (sort !== undefined) webhookItems.inc({ kind: sort });
        // So that the line has its trace.
        context.with(trace, () =>
          this.report(isJson ? 'accepted' : 'not_json', {
            app: appId,
            deliveryId: delivery.deliveryId,
            bytes: body.length,
            items: isJson ? records.length : 0,
            wabaId: first?.wabaId,
            phoneNumberId: first?.phoneNumberId,
            durationMs: performance.now() - began,
          }),
        );
      });
    } catch (error) {
      this.report('unavailable', {
        ...{ app: appId, deliveryId: delivery.deliveryId, bytes: body.length },
        durationMs: performance.now() - began,
      });
      this.tellUnavailable(error);
      throw silent(HttpStatus.SERVICE_UNAVAILABLE);
    }
  }

  private tellUnavailable(error: unknown): void {
    this.untold++;
    const now = performance.now();
    if (now - this.toldAt < TELL_EVERY_MS) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.logger.error(
      { reason, webhooks: this.untold },
      'webhooks are answered 503: neither Kafka nor the spool takes them; Meta will send them again',
    );
    this.toldAt = now;
    this.untold = 0;
  }
}

/** How often it is told that webhooks are refused: the log may lie on the very disk that is full. */
const TELL_EVERY_MS = 1000;

/** What does not open, or is not known yet, might have signed it: then it is refused for now, and Meta sends it again. */
function unsignedBy({ sealedSecrets, isStale }: App): Refusal {
  if (sealedSecrets > 0) return 'sealed';
  return isStale ? 'stale' : 'bad_signature';
}

function isVerifyToken(token: string, { verifyToken }: App): boolean {
  return verifyToken !== undefined && isEqual(token, verifyToken);
}

/** Over hashes, so that neither time nor an error tells the length. */
function isEqual(given: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
