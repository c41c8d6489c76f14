import { createHmac, timingSafeEqual } from 'node:crypto';
import { fastify } from 'fastify';

export type Notification = {
  readonly entry: readonly [
    { readonly changes: readonly [{ readonly value: { readonly messages: readonly [{ from: string }] } }] },
  ];
};

/** As a careful afternoon would write it. */
export function isSigned(body: Buffer, header: unknown, appSecret: string): boolean {
  const expected = Buffer.from(`sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`);
  const given = Buffer.from(typeof header === 'string' ? header : '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Serves webhooks on fastify: checks the signature over the raw body, parses it, and answers 200 when `handle` is done with it, else 503. */
export async function receiveWebhooks(
  handle: (notification: Notification, body: Buffer) => Promise<unknown> | undefined,
): Promise<void> {
  const { HTTP_PORT, WHATSAPP_APP_SECRET: appSecret = '' } = process.env;
  const server = fastify({ bodyLimit: 4 * 1024 * 1024 });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.get('/health/ready', () => ({ status: 'ok' }));
  server.post('/webhooks/whatsapp', async ({ body, headers }, reply) => {
    if (!Buffer.isBuffer(body) || !isSigned(body, headers['x-hub-signature-256'], appSecret))
      return reply.code(401).send();
    try {
      await handle(JSON.parse(body.toString()) as Notification, body);
    } catch {
      return reply.code(503).send();
    }
    return reply.code(200).send();
  });
  await server.listen({ port: Number(HTTP_PORT), host: '127.0.0.1' });
  process.once('SIGTERM', () => process.exit(0));
}
