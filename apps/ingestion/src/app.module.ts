import { type DynamicModule, Module } from '@nestjs/common';
import { type VerifiedProducer } from '@talaria/kafka';
import { HealthModule, type Logger } from '@talaria/observability';
import { type IngestionConfig } from './config';
import { INGESTION_CONFIG, LOGGER, PRODUCER } from './tokens';
import { WebhookController } from './webhook/webhook.controller';
import { WebhookPublisher } from './webhook/webhook.publisher';

@Module({})
export class AppModule {
  static with(config: IngestionConfig, producer: VerifiedProducer, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        HealthModule.register({
          live: { process: () => undefined },
          ready: { kafka: () => producer.fault() },
        }),
      ],
      controllers: [WebhookController],
      providers: [
        WebhookPublisher,
        { provide: INGESTION_CONFIG, useValue: config },
        { provide: PRODUCER, useValue: producer },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}
