import { type DynamicModule, Module } from '@nestjs/common';
import { type Logger } from '@talaria/observability';
import { type Backlog } from './backlog/backlog';
import { Consumers } from './consumers';
import { type Outlet } from './dispatch/outlet';
import { BACKLOG, LOGGER, OUTLET } from './tokens';

export type AppParts = {
  readonly backlog: Backlog;
  readonly outlet: Outlet;
  readonly logger: Logger;
};

@Module({})
export class AppModule {
  static with({ backlog, outlet, logger }: AppParts): DynamicModule {
    return {
      module: AppModule,
      controllers: [Consumers],
      providers: [
        { provide: BACKLOG, useValue: backlog },
        { provide: OUTLET, useValue: outlet },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}
