import { Controller, Get, Inject, Module, type DynamicModule } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { isStopping } from './run-process';

/** @returns why it is not well, or undefined when it is */
export type HealthCheck = () => string | undefined | Promise<string | undefined>;

export type HealthChecks = {
  /** Whether the process makes progress by itself. Never asks a dependency: a restart would not mend one. */
  readonly live: Readonly<Record<string, HealthCheck>>;
  /** Whether work may be sent to it. */
  readonly ready: Readonly<Record<string, HealthCheck>>;
};

const HEALTH_CHECKS = Symbol('health checks');

/** `GET /health/live` and `GET /health/ready`: 200, or 503 with the name and reason of each failed check. */
@Controller('health')
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicator: HealthIndicatorService,
    @Inject(HEALTH_CHECKS) private readonly checks: HealthChecks,
  ) {}

  @Get('live')
  live() {
    return this.run(this.checks.live);
  }

  @Get('ready')
  ready() {
    return this.run({ process: () => (isStopping() ? 'stopping' : undefined), ...this.checks.ready });
  }

  private run(checks: Readonly<Record<string, HealthCheck>>) {
    return this.health.check(
      Object.entries(checks).map(([name, check]) => async () => {
        const indicator = this.indicator.check(name);
        const fault = await check();
        return fault === undefined ? indicator.up() : indicator.down(fault);
      }),
    );
  }
}

@Module({})
export class HealthModule {
  static register(checks: HealthChecks): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [{ provide: HEALTH_CHECKS, useValue: checks }],
    };
  }
}
