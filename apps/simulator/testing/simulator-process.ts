import { type AddressInfo } from 'node:net';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLogger } from '@talaria/observability';
import { createApp } from '../src/create-app';
import { type SimulatorOptions } from '../src/simulator';

export const ownNumber = {
  wabaId: '900',
  displayPhoneNumber: '+1 555-000-0000',
  accessToken: 'own-token',
};

export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
};

/** The real application on a free port, and how to call it. */
export class SimulatorProcess {
  private constructor(
    private readonly app: NestFastifyApplication,
    readonly base: string,
  ) {}

  static async start(webhookUrl: string, options: Partial<SimulatorOptions> = {}): Promise<SimulatorProcess> {
    const app = await createApp(
      {
        webhookUrl,
        appSecret: 'test-app-secret',
        seed: 1,
        statuses: { sent: [1, 2], delivered: [3, 4], read: [5, 6] },
        webhookConcurrency: 8,
        webhookTimeoutMs: 1000,
        maxWaitingUpdates: 10_000,
        ...options,
      },
      createLogger('simulator', 'silent'),
    );
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new SimulatorProcess(app, `http://127.0.0.1:${port}`);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const answer = await fetch(this.base + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true && text !== '';
    return {
      status: answer.status,
      headers: answer.headers,
      body: (isJson ? JSON.parse(text) : { text }) as Reply['body'],
    };
  }

  register(id = '100', number: object = {}): Promise<Reply> {
    return this.call('PUT', `/simulator/numbers/${id}`, { ...ownNumber, ...number });
  }

  /** Sends a text; `fields` replace those of the body. */
  send(fields: object = {}, id = '100', token = ownNumber.accessToken): Promise<Reply> {
    return this.call(
      'POST',
      `/v23.0/${id}/messages`,
      { ...aText, ...fields },
      { authorization: `Bearer ${token}` },
    );
  }

  close(): Promise<void> {
    return this.app.close();
  }
}

export const aText = {
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  to: '+15550001111',
  type: 'text',
  text: { body: 'hi' },
};
