import { type DynamicModule, Module } from '@nestjs/common';
import { HealthModule, type Logger } from '@talaria/observability';
import { type Apps } from './apps/app';
import { type RecordWriter } from './spool/record-writer';
import { LOGGER, RECORD_WRITER } from './tokens';
import { WebhookController } from './webhook/webhook.controller';
import { WebhookPublisher } from './webhook/webhook.publisher';

@Module({})
export class AppModule {
  static with(apps: Apps, writer: RecordWriter, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        HealthModule.register({
          live: { process: () => undefined },
          ready: { webhooks: () => writer.fault(), apps: () => apps.fault() },
        }),
      ],
      controllers: [WebhookController],
      providers: [
        WebhookPublisher,
        { provide: RECORD_WRITER, useValue: writer },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}
