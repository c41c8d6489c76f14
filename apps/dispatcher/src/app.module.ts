import { type DynamicModule, Inject, Module, type OnModuleDestroy } from '@nestjs/common';
import { type GroupConsumer, type KafkaTransport } from '@talaria/kafka';
import { HealthModule, type Logger } from '@talaria/observability';
import { type Backlog } from './backlog/backlog';
import { Consumers } from './consumers';
import { type Dispatcher } from './dispatch/dispatcher';
import { type Outlet } from './dispatch/outlet';
import { BACKLOG, DISPATCHER, LOGGER, OUTLET } from './tokens';

export type AppParts = {
  readonly backlog: Backlog;
  readonly dispatcher: Dispatcher;
  readonly outlet: Outlet;
  readonly logger: Logger;
  readonly transport: KafkaTransport;
  /** Reads what became of messages that Meta took. */
  readonly statuses: GroupConsumer;
  readonly isDatabaseReachable: () => Promise<string | undefined>;
};

@Module({})
export class AppModule implements OnModuleDestroy {
  constructor(
    @Inject(DISPATCHER) private readonly dispatcher: Dispatcher,
    @Inject(BACKLOG) private readonly backlog: Backlog,
  ) {}

  static with({
    backlog,
    dispatcher,
    outlet,
    logger,
    transport,
    statuses,
    isDatabaseReachable,
  }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        HealthModule.register({
          live: { consumer: () => transport.fault(), statuses: () => statuses.fault() },
          ready: {
            consumer: () => (transport.joined() ? undefined : 'not a member of its group yet'),
            database: isDatabaseReachable,
          },
        }),
      ],
      controllers: [Consumers],
      providers: [
        { provide: BACKLOG, useValue: backlog },
        { provide: DISPATCHER, useValue: dispatcher },
        { provide: OUTLET, useValue: outlet },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }

  /** Before the transport closes: what is under way still gets its offset committed. */
  async onModuleDestroy(): Promise<void> {
    await this.dispatcher.stop();
    await this.backlog.close();
  }
}
