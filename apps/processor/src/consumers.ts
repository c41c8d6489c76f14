import { Controller, Inject } from '@nestjs/common';
import { cloudEventHeaders, topics } from '@talaria/contracts';
import { type Sql } from '@talaria/database';
import { OnBatch, type RecordBatch } from '@talaria/kafka';
import { type ProjectionDependencies, projectBatch } from './projections/project-batch';
import { recordDispatches, translateDispatch } from './dispatches/record-dispatches';
import { eventsOf } from './webhooks/events-of';
import { recordWebhooks } from './webhooks/record-webhooks';
import { type WebhookRow } from './webhooks/rows';
import { translateWebhook } from './webhooks/translate-webhook';
import { PROJECTION_DEPENDENCIES } from './tokens';

/** A transaction that waits for Kafka holds locks: rather let the batch come again. */
const PUBLISH_WITHIN_MS = 10_000;

/** The topics that are projected, and what is done with each. */
@Controller()
export class Consumers {
  constructor(@Inject(PROJECTION_DEPENDENCIES) private readonly dependencies: ProjectionDependencies) {}

  @OnBatch(topics.webhooks)
  async webhooks(batch: RecordBatch): Promise<void> {
    const write = (sql: Sql, rows: readonly WebhookRow[]) => this.writeWebhooks(sql, rows);
    await projectBatch(this.dependencies, { translate: translateWebhook, write }, batch);
  }

  @OnBatch(topics.dispatches)
  async dispatches(batch: RecordBatch): Promise<void> {
    await projectBatch(this.dependencies, { translate: translateDispatch, write: recordDispatches }, batch);
  }

  /** Events leave before the transaction commits: after a crash they are told again, and none is ever missing. */
  private async writeWebhooks(sql: Sql, rows: readonly WebhookRow[]): Promise<void> {
    const events = eventsOf(await recordWebhooks(sql, rows), new Date());
    await Promise.all(
      events.map(({ key, event }) =>
        this.dependencies.producer.send(
          {
            topic: topics.events.name,
            key,
            value: JSON.stringify(event.data),
            headers: cloudEventHeaders(event),
          },
          { timeoutMs: PUBLISH_WITHIN_MS },
        ),
      ),
    );
  }
}
