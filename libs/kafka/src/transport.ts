import { applyDecorators, Catch, type RpcExceptionFilter, UseFilters } from '@nestjs/common';
import {
  type CustomTransportStrategy,
  EventPattern,
  type MessageHandler,
  Server,
} from '@nestjs/microservices';
import { type Logger, type WorkingClock } from '@talaria/observability';
import { lastValueFrom, type Observable, throwError } from 'rxjs';
import { type Assignment } from './assignment';
import { type GroupConsumer, startConsumer } from './consumer';
import { type PositionOf } from './find-starts';
import { type BatchHandler, type RecordBatch, type Taken } from './record-batch';
import { type KafkaConfig } from './settings';

/** Hands errors of handlers through. Without it Nest's own filter would have replaced them by a text before the transport sees them. */
@Catch()
class RethrowFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** Marks a controller's method as the BatchHandler of a topic. */
export function OnBatch(topic: { readonly name: string }): MethodDecorator {
  return applyDecorators(EventPattern(topic.name), UseFilters(RethrowFilter));
}

/**
 * Nest's transport over our consumer: each `@OnBatch` method gets whole batches of its topic, and its errors reach us as they are. Nest's
 * own Kafka transport works one record at a time and turns every error into an endless retry of that record.
 */
export class KafkaTransport extends Server implements CustomTransportStrategy {
  private starting: Promise<GroupConsumer> | undefined;
  private consumer: GroupConsumer | undefined;

  constructor(
    private readonly options: {
      readonly config: KafkaConfig;
      readonly groupId: string;
      readonly logger: Logger;
      readonly onFatal: (error: Error) => void;
      readonly positionOf?: PositionOf;
      readonly onAssigned?: (assignment: Assignment) => void;
      readonly partitionsAtOnce?: number;
      readonly clock?: WorkingClock;
    },
  ) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    for (const [topic, { next }] of this.messageHandlers) {
      // Nest would call both and hand their two results back as one.
      if (next === undefined) continue;
      callback(new Error(`topic ${topic} has two @OnBatch methods`));
      return;
    }
    const handlers = new Map(
      [...this.messageHandlers].map(([topic, handler]): [string, BatchHandler] => [
        topic,
        this.batchHandler(handler),
      ]),
    );
    this.starting = startConsumer({ ...this.options, handlers });
    this.starting.then((consumer) => {
      this.consumer = consumer;
      callback();
    }, callback);
  }

  async close(): Promise<void> {
    const consumer = await this.starting?.catch(() => undefined);
    await consumer?.close();
  }

  /** For liveness: why it makes no progress; undefined when it does. */
  fault(): string | undefined {
    return this.consumer?.fault();
  }

  /** For readiness. */
  joined(): boolean {
    return this.consumer?.joined() ?? false;
  }

  /** Of the topic's partitions, the share that is its own now: from 0 to 1. */
  ownedShare(topic: string): number {
    return this.consumer?.ownedShare(topic) ?? 0;
  }

  on(): never {
    throw new Error('this transport has no events to listen to');
  }

  unwrap(): never {
    throw new Error('this transport has no client to hand out');
  }

  private batchHandler(handler: MessageHandler): BatchHandler {
    return async (batch: RecordBatch) => {
      const result = this.transformToObservable((await handler(batch)) as Observable<Taken | undefined>);
      return lastValueFrom(result, { defaultValue: undefined });
    };
  }
}
