import { type DynamicModule, Module } from '@nestjs/common';
import { type Logger } from '@talaria/observability';
import { type RecordWriter } from './spool/record-writer';
import { LOGGER, RECORD_WRITER, WEBHOOK_REPORT } from './tokens';
import { type WebhookReport } from './webhook/webhook-report';
import { WebhookController } from './webhook/webhook.controller';
import { WebhookPublisher } from './webhook/webhook.publisher';

@Module({})
export class AppModule {
  static with(writer: RecordWriter, report: WebhookReport, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      controllers: [WebhookController],
      providers: [
        WebhookPublisher,
        { provide: RECORD_WRITER, useValue: writer },
        { provide: WEBHOOK_REPORT, useValue: report },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}
