import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { projectionGroup } from '@talaria/contracts';
import { createDataSource, type DatabaseAddress, schemaOf, type Sql, sqlOf } from '@talaria/database';
import { type KafkaConfig, type VerifiedProducer } from '@talaria/kafka';
import { KafkaTransport } from '@talaria/kafka/transport';
import { type Logger, nestLogger, type WorkingClock } from '@talaria/observability';
import { Consumers } from '../consumers';
import { type InboundReport } from '../inbound/report-inbound';
import { readPosition } from '../projections/checkpoint';
import { type ProjectionDependencies } from '../projections/project-batch';
import { PROJECTION_DEPENDENCIES } from '../tokens';

/** Enough to keep a database busy; each more holds a batch's rows in memory, and makes none of them faster. */
const PARTITIONS_AT_ONCE = 3;

export type VersionOptions = {
  readonly config: KafkaConfig & DatabaseAddress & { readonly DATABASE_POOL_SIZE: number };
  /** Shared by all versions; stays open. */
  readonly producer: VerifiedProducer;
  readonly logger: Logger;
  /** Hears of what the live version projects; stays open. */
  readonly inbound?: InboundReport;
  readonly onFatal: (error: Error) => void;
  /** By which a handler's time is taken. */
  readonly clock?: WorkingClock;
};

export type RunningVersion = {
  /** For liveness: why it makes no progress by itself. */
  fault(): string | undefined;
  joined(): boolean;
  close(): Promise<void>;
};

@Module({})
class VersionModule {
  static with(dependencies: ProjectionDependencies): DynamicModule {
    return {
      module: VersionModule,
      controllers: [Consumers],
      providers: [{ provide: PROJECTION_DEPENDENCIES, useValue: dependencies }],
    };
  }
}

/**
 * The consumers of one version of the read model, with connections and a consumer group of their own.
 * @param isLive whether readers see it; otherwise it is being built
 */
export async function startVersion(
  options: VersionOptions,
  version: number,
  isLive: () => boolean,
): Promise<RunningVersion> {
  const { config, producer, inbound, onFatal, clock } = options;
  const logger = options.logger.child({ projection: version });
  const dataSource = await createDataSource(config, version).initialize();
  const sql = sqlOf(dataSource);
  await checkSchema(sql, version).catch(async (error: unknown) => {
    await dataSource.destroy();
    throw error;
  });
  const strategy = new KafkaTransport({
    config,
    groupId: projectionGroup(version),
    logger,
    onFatal,
    positionOf: (topic, partition) => readPosition(sql, topic, partition),
    partitionsAtOnce: PARTITIONS_AT_ONCE,
    ...(clock && { clock }),
  });
  try {
    const app = await NestFactory.createMicroservice(
      VersionModule.with({ dataSource, producer, logger, inbound, isLive }),
      {
        strategy,
        logger: nestLogger(logger),
        abortOnError: false,
      },
    );
    await app.listen();
    return {
      fault: () => strategy.fault(),
      joined: () => strategy.joined(),
      async close() {
        await app.close();
        await dataSource.destroy();
      },
    };
  } catch (error) {
    await strategy.close();
    await dataSource.destroy();
    throw error;
  }
}

/** A pooler that keeps what we ask of a connection to itself would let us write over what readers see. */
async function checkSchema(sql: Sql, version: number): Promise<void> {
  const [found] = await sql<{ schema: string }>('SELECT current_schema() AS schema');
  if (found?.schema !== schemaOf(version))
    throw new Error(
      `the connection works in the schema ${found?.schema}, not in ${schemaOf(version)}: a pooler between has left out "options". Let DATABASE_URL of the processor name Postgres itself`,
    );
}
