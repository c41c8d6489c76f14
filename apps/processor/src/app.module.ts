import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { type KafkaTransport } from '@talaria/kafka';
import { HealthModule } from '@talaria/observability';
import { Consumers } from './consumers';
import { type ProjectionDependencies } from './projections/project-batch';
import { PROJECTION_DEPENDENCIES } from './tokens';

@Module({})
export class AppModule implements OnApplicationShutdown {
  constructor(@Inject(PROJECTION_DEPENDENCIES) private readonly dependencies: ProjectionDependencies) {}

  static with(dependencies: ProjectionDependencies, transport: KafkaTransport): DynamicModule {
    return {
      module: AppModule,
      imports: [
        HealthModule.register({
          live: { consumer: () => transport.fault() },
          ready: {
            consumer: () => (transport.joined() ? undefined : 'not a member of its group yet'),
            database: () => isReachable(dependencies),
          },
        }),
      ],
      controllers: [Consumers],
      providers: [{ provide: PROJECTION_DEPENDENCIES, useValue: dependencies }],
    };
  }

  /** Runs after the transport was closed: nothing is under way any more. */
  async onApplicationShutdown(): Promise<void> {
    await this.dependencies.producer.close();
    await this.dependencies.dataSource.destroy();
  }
}

async function isReachable({ dataSource }: ProjectionDependencies): Promise<string | undefined> {
  return dataSource.query('SELECT 1').then(
    () => undefined,
    () => 'not reachable',
  );
}
