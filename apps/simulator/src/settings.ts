import { type StatusDelays } from './webhooks/statuses';

/** What scenarios may change while the simulator runs, beside the webhooks' misbehaviour. */
export type SendSettings = {
  /** Whether Meta's limits are enforced. They are measured in any case. */
  readonly limits: boolean;
  readonly statuses: StatusDelays;
};
