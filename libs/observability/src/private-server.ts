import { type AddressInfo } from 'node:net';
import {
  Body,
  Controller,
  type DynamicModule,
  Get,
  HttpException,
  Inject,
  Module,
  Param,
  Put,
  Req,
  Res,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { collectDefaultMetrics, register } from 'prom-client';
import { type Health, probes } from './health';
import { type LevelState, type LogLevels } from './log-levels';

const HEALTH = Symbol('health');
const LEVELS = Symbol('levels');

/** More than any level takes. */
const MAX_BODY_BYTES = 1024;
/** Who asks here is quick. */
const REQUEST_MS = 5000;

type Caller = { readonly ip: string };
type Reply = { header(name: string, value: string): void };

@Controller()
class PrivateController {
  constructor(
    @Inject(HealthCheckService) private readonly checks: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(HEALTH) private readonly health: Health,
    @Inject(LEVELS) private readonly levels: LogLevels,
  ) {}

  @Get('metrics')
  async metrics(@Res({ passthrough: true }) reply: Reply): Promise<string> {
    reply.header('content-type', register.contentType);
    return register.metrics();
  }

  /** 200, or 503, with the name of each check and the reason of each that failed. None of them asks anybody: what is known is told at once. */
  @Get('health/:probe')
  probe(@Param('probe') asked: string) {
    const probe = probes.find((one) => one === asked);
    if (probe === undefined) throw new HttpException(`the probes are ${probes.join(', ')}`, 404);
    return this.checks.check(
      Object.entries(this.health.ask(probe).checks).map(([name, found]) => () => {
        const indicator = this.indicators.check(name);
        return found === 'ok' ? indicator.up() : indicator.down(found);
      }),
    );
  }

  @Get('log-level')
  level(): LevelState {
    return this.levels.state();
  }

  /** Whoever reaches the port over the network may look; a person gets here by `kubectl port-forward` or `exec`, or on the host. */
  @Put('log-level')
  setLevel(@Req() { ip }: Caller, @Body() body: unknown): LevelState {
    if (!isLocal(ip)) throw new HttpException({ error: 'only from its own host or pod' }, 403);
    const fault = this.levels.set(levelIn(body));
    if (fault !== undefined) throw new HttpException({ error: fault }, 400);
    return this.levels.state();
  }
}

@Module({})
class PrivateModule {
  static with(health: Health, levels: LogLevels): DynamicModule {
    return {
      module: PrivateModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [PrivateController],
      providers: [
        { provide: HEALTH, useValue: health },
        { provide: LEVELS, useValue: levels },
      ],
    };
  }
}

/**
 * Serves what those who run the process ask, on a port of its own that is never routed publicly, and does not count against the connections of
 * the public one: `/metrics`, `/health/startup|live|ready`, and `/log-level`, which may be changed from the process's own host or pod only.
 * @returns the port that it listens on (useful with port 0) and how to close it
 */
export async function servePrivately(options: {
  readonly port: number;
  readonly health: Health;
  readonly levels: LogLevels;
}): Promise<{ port: number; close(): Promise<void> }> {
  collectDefaultMetrics();
  const adapter = new FastifyAdapter({
    requestTimeout: REQUEST_MS,
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    PrivateModule.with(options.health, options.levels),
    adapter,
    { logger: false, abortOnError: false, bodyParser: false },
  );
  // Whatever kind curl says that it sends.
  const server = app.getHttpAdapter().getInstance();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
  await app.listen(options.port, '0.0.0.0');
  const { port } = server.server.address() as AddressInfo;
  return { port, close: () => app.close() };
}

const isLocal = (ip: string) => ip.startsWith('127.');

function levelIn(body: unknown): unknown {
  try {
    return (JSON.parse(String(body)) as { level?: unknown } | null)?.level;
  } catch {
    return undefined;
  }
}
