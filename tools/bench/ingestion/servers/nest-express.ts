import 'reflect-metadata';
import {
  Controller,
  Get,
  Headers,
  HttpCode,
  Inject,
  Module,
  Post,
  type RawBodyRequest,
  Req,
  UnauthorizedException,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientKafka, ClientsModule, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { isSigned, type Notification } from './receive-webhooks';

const { HTTP_PORT, KAFKA_BROKERS = '', TOPIC: topic = '', WHATSAPP_APP_SECRET: appSecret = '' } = process.env;
const KAFKA = 'KAFKA';

@Controller()
class WebhookController {
  constructor(@Inject(KAFKA) private readonly kafka: ClientKafka) {}

  @Get('health/ready')
  ready(): string {
    return 'ok';
  }

  @Post('webhooks/whatsapp')
  @HttpCode(200)
  async receive(
    @Req() { rawBody, body }: RawBodyRequest<{ body: Notification }>,
    @Headers('x-hub-signature-256') signature: unknown,
  ): Promise<void> {
    if (!rawBody || !isSigned(rawBody, signature, appSecret)) throw new UnauthorizedException();
    const key = body.entry[0].changes[0].value.messages[0].from;
    await lastValueFrom(this.kafka.emit(topic, { key, value: rawBody }));
  }
}

@Module({
  imports: [
    ClientsModule.register([
      {
        name: KAFKA,
        transport: Transport.KAFKA,
        options: {
          client: { brokers: KAFKA_BROKERS.split(',') },
          producer: { allowAutoTopicCreation: false },
          producerOnlyMode: true,
          send: { acks: -1 },
        },
      },
    ]),
  ],
  controllers: [WebhookController],
})
class AppModule {}

// The receiver that Nest's documentation leads to: Express, and ClientKafka's emit for each webhook.
async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { rawBody: true, logger: ['error'] });
  await app.get<ClientKafka>(KAFKA).connect();
  await app.listen(Number(HTTP_PORT), '127.0.0.1');
  process.once('SIGTERM', () => process.exit(0));
}

void main();
