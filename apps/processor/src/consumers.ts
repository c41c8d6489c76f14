import { Controller, Inject } from '@nestjs/common';
import { topics } from '@talaria/contracts';
import { monthOf, type Sql } from '@talaria/database';
import { type RecordBatch, type Taken } from '@talaria/kafka';
import { OnBatch } from '@talaria/kafka/transport';
import { followNews, reportNews } from './accounts/follow-news';
import {
  recordDispatches,
  rowsOfDispatches,
  type Told,
  translateDispatch,
} from './dispatches/record-dispatches';
import { countSeen } from './messages/count-seen';
import { type Projection, projectBatch, type ProjectionDependencies } from './projections/project-batch';
import { clearErased, leaveOutErased } from './projections/leave-out-erased';
import { leaveOutKnown } from './projections/leave-out-known';
import { monthsOf, recordRows } from './projections/record-rows';
import { dispatchTraces, webhookTraces } from './projections/trace-projection';
import { PROJECTION_DEPENDENCIES } from './tokens';
import { eventsOf, type KeyedEvent } from './webhooks/events-of';
import { joinRows, type Rows } from './webhooks/rows';
import { translateWebhook } from './webhooks/translate-webhook';

/** The topics that are projected, and what is done with each. */
@Controller()
export class Consumers {
  constructor(@Inject(PROJECTION_DEPENDENCIES) private readonly dependencies: ProjectionDependencies) {}

  @OnBatch(topics.webhooks)
  webhooks(batch: RecordBatch): Promise<Taken | undefined> {
    const { logger, inbound } = this.dependencies;
    const onTold = (rows: readonly Rows[]) => inbound?.count(rows);
    const act = async (sql: Sql, events: readonly KeyedEvent[]) => {
      const changes = await followNews(sql, events);
      return () => reportNews(changes, logger);
    };
    return projectBatch(this.dependencies, { ...webhooks, act, onTold }, batch);
  }

  @OnBatch(topics.dispatches)
  dispatches(batch: RecordBatch): Promise<Taken | undefined> {
    return projectBatch(this.dependencies, dispatches, batch);
  }
}

const webhooks: Projection<Rows> = {
  translate: translateWebhook,
  monthsOf: (rows) => monthsOf(joinRows(rows)),
  traces: webhookTraces,
  async write(sql, all, keptFrom) {
    const rows = joinRows(await leaveOutKnown(sql, await leaveOutErased(sql, all)));
    const seen = await recordRows(sql, rows, keptFrom);
    return { events: eventsOf(seen, new Date()), count: () => countSeen(seen) };
  },
};

const dispatches: Projection<Told> = {
  translate: translateDispatch,
  monthsOf: (told) => told.map(({ at }) => monthOf(at)),
  traces: dispatchTraces,
  /** Whoever asked for a message is told by the dispatcher; here only who is who can be new. */
  async write(sql, all, keptFrom) {
    const told = await clearErased(sql, all);
    await recordDispatches(sql, told, keptFrom);
    const seen = await recordRows(sql, rowsOfDispatches(told), keptFrom);
    const { linked, contactOf } = seen;
    const events = eventsOf({ messages: [], statuses: [], changes: [], linked, contactOf }, new Date());
    return { events, count: () => countSeen(seen) };
  },
};
