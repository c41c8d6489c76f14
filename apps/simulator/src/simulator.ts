import { type Clock } from './clock';
import { WamidSource } from './cloud-api/identity';
import { type SendDesk } from './cloud-api/receive-send';
import { Faults } from './faults/faults';
import { SendLimits } from './limits/send-limits';
import { Numbers } from './numbers';
import { seeded } from './random';
import { Records } from './records/records';
import { type SendSettings } from './settings';
import { TrafficRun, type TrafficOptions } from './traffic/traffic';
import { statusesOf, type StatusDelays } from './webhooks/statuses';
import { WebhookClient } from './webhooks/webhook-client';
import { WebhookCourier } from './webhooks/webhook-courier';
import { WebhookQueue } from './webhooks/webhook-queue';

export type SimulatorOptions = {
  readonly webhookUrl: string;
  readonly appSecret: string;
  readonly seed: number;
  readonly statuses: StatusDelays;
  readonly webhookConcurrency: number;
  readonly webhookTimeoutMs: number;
  readonly maxWaitingUpdates: number;
};

/** Meta, as far as we need it: all its state, and how the parts work together. */
export class Simulator {
  readonly numbers = new Numbers();
  readonly limits = new SendLimits();
  readonly faults = new Faults();
  readonly records = new Records();
  readonly wamids = new WamidSource();
  readonly client: WebhookClient;
  readonly courier: WebhookCourier;
  readonly queue: WebhookQueue;
  readonly desk: SendDesk;
  settings: SendSettings;
  private run: TrafficRun | undefined;

  constructor(
    private readonly options: SimulatorOptions,
    readonly clock: Clock,
  ) {
    const { webhookUrl, appSecret, seed, webhookConcurrency, webhookTimeoutMs, statuses } = options;
    const random = seeded(seed);
    this.settings = { limits: true, statuses };
    this.client = new WebhookClient(webhookUrl, {
      appSecret,
      connections: webhookConcurrency,
      timeoutMs: webhookTimeoutMs,
    });
    this.courier = new WebhookCourier(
      (body, signature) => this.client.post(body, signature),
      webhookConcurrency,
      clock,
      random,
    );
    this.queue = new WebhookQueue(this.courier, (body) => this.client.sign(body), clock, random);
    this.desk = {
      numbers: this.numbers,
      faults: this.faults,
      limits: this.limits,
      records: this.records,
      wamids: this.wamids,
      enforcesLimits: () => this.settings.limits,
      announce: (accepted, at) => {
        for (const update of statusesOf(accepted, at, this.settings.statuses, random)) {
          this.queue.add(update, this.records);
        }
      },
    };
  }

  /** The run that goes on, or else the last one. */
  get traffic(): TrafficRun | undefined {
    return this.run;
  }

  startTraffic(options: TrafficOptions): TrafficRun {
    this.run?.stop();
    this.run = new TrafficRun(options, {
      queue: this.queue,
      wamids: this.wamids,
      clock: this.clock,
      countInbound: (phoneNumberId, at) => this.limits.countInbound(phoneNumberId, at),
      recorder: this.records,
      maxWaiting: this.options.maxWaitingUpdates,
    });
    return this.run;
  }

  /** Back to the start, but for registered numbers and settings: webhooks that wait are thrown away. */
  reset(): void {
    this.run?.stop();
    this.run = undefined;
    this.faults.removeAll();
    this.faults.resetCounts();
    this.queue.clear();
    this.courier.clear();
    this.limits.clear();
    this.records.clear();
  }

  async close(): Promise<void> {
    this.reset();
    await this.client.close();
  }
}
