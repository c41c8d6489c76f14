import { type DynamicModule, Module } from '@nestjs/common';
import { HealthModule, type Logger } from '@talaria/observability';
import { type IngestionConfig } from './config';
import { type RecordWriter } from './spool/record-writer';
import { INGESTION_CONFIG, LOGGER, RECORD_WRITER } from './tokens';
import { WebhookController } from './webhook/webhook.controller';
import { WebhookPublisher } from './webhook/webhook.publisher';

@Module({})
export class AppModule {
  static with(config: IngestionConfig, writer: RecordWriter, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        HealthModule.register({
          live: { process: () => undefined },
          ready: { webhooks: () => writer.fault() },
        }),
      ],
      controllers: [WebhookController],
      providers: [
        WebhookPublisher,
        { provide: INGESTION_CONFIG, useValue: config },
        { provide: RECORD_WRITER, useValue: writer },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}
