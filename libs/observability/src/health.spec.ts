import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthModule } from './health';

describe('health', () => {
  let app: NestFastifyApplication;
  let fault: string | undefined;

  beforeAll(async () => {
    const checks = { live: { loop: () => undefined }, ready: { kafka: () => fault } };
    app = await NestFactory.create<NestFastifyApplication>(
      HealthModule.register(checks),
      new FastifyAdapter(),
      { logger: false },
    );
    await app.init();
  });

  afterAll(() => app.close());

  const get = async (url: string) => {
    const { statusCode, body } = await app.inject({ method: 'GET', url });
    return { statusCode, body: JSON.parse(body) };
  };

  it('is 200 while all is well', async () => {
    fault = undefined;
    expect(await get('/health/live')).toMatchObject({ statusCode: 200, body: { status: 'ok' } });
    expect(await get('/health/ready')).toMatchObject({
      statusCode: 200,
      body: { info: { kafka: { status: 'up' } } },
    });
  });

  it('is 503 with the name and reason of what is not, and stays alive meanwhile', async () => {
    fault = 'brokers do not answer';
    expect(await get('/health/ready')).toMatchObject({
      statusCode: 503,
      body: { error: { kafka: { status: 'down', message: 'brokers do not answer' } } },
    });
    expect((await get('/health/live')).statusCode).toBe(200);
  });
});
