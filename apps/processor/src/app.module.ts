import { type DynamicModule, Module } from '@nestjs/common';
import { HealthModule } from '@talaria/observability';
import { type DataSource } from 'typeorm';
import { type LetterIndex } from './dead-letters/index-letters';
import { type Versions } from './rebuild/run-versions';

/** What the process itself serves; the versions of the read model are run beside it. */
@Module({})
export class AppModule {
  static with({
    versions,
    letters,
    dataSource,
  }: {
    versions: Versions;
    letters: LetterIndex;
    dataSource: DataSource;
  }): DynamicModule {
    return {
      module: AppModule,
      imports: [
        HealthModule.register({
          live: { consumers: () => versions.fault(), deadLetters: () => letters.fault() },
          ready: { consumers: () => versions.notReady(), database: () => isReachable(dataSource) },
        }),
      ],
    };
  }
}

async function isReachable(dataSource: DataSource): Promise<string | undefined> {
  return dataSource.query('SELECT 1').then(
    () => undefined,
    () => 'not reachable',
  );
}
