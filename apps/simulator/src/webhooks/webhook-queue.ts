import { type Clock } from '../clock';
import { between, type Random, type Range } from '../random';
import { Alarm } from './alarm';
import { metaJson } from './meta-json';
import { notificationOf, type Update } from './notification';
import { Timeline } from './timeline';
import { type WebhookCourier } from './webhook-courier';

/** How Meta's webhooks may misbehave. */
export type WebhookSettings = {
  /** The share of bodies that come twice. */
  readonly duplicateShare: number;
  /** Whether updates overtake each other, by up to a second, and are shuffled within a body. */
  readonly reorder: boolean;
  /** An extra delay of every update. */
  readonly delayMs: Range | null;
  /** The most updates in one body. */
  readonly batch: number;
};

export const CALM_WEBHOOKS: WebhookSettings = {
  duplicateShare: 0,
  reorder: false,
  delayMs: null,
  batch: 1,
};

/** Who wants to know about the updates of a body. Repeats sent on purpose report to nobody. */
export type Follower = {
  /** @param answerMs how long the POST that got 200 took */
  acknowledged(updates: readonly Update[], answerMs: number): void;
  failed(updates: readonly Update[]): void;
};

type Waiting = { readonly update: Update; readonly follower: Follower };

const OVERTAKING_MS: Range = [0, 1000];
const REPEAT_AFTER_MS: Range = [0, 500];
/** How long a body that is not full waits for more. */
const FILL_MS = 50;

/** Holds updates until they are due, puts them together into bodies and hands these to the courier. */
export class WebhookQueue {
  settings: WebhookSettings = CALM_WEBHOOKS;
  private readonly due = new Timeline<Waiting>();
  private readonly alarm: Alarm;
  private filling: Waiting[] = [];
  private fillUntil = Infinity;
  private unacknowledged = 0;

  constructor(
    private readonly courier: WebhookCourier,
    private readonly sign: (body: string) => string,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.alarm = new Alarm(clock, () => this.flush());
  }

  /** How many updates have not been acknowledged yet. */
  get waiting(): number {
    return this.unacknowledged;
  }

  /** Sends an update at its own time, with what the settings add to it. */
  add(update: Update, follower: Follower): void {
    this.unacknowledged += 1;
    const dueAt = update.at + this.extraDelayMs();
    this.due.add(dueAt, { update, follower });
    this.alarm.by(dueAt);
  }

  /** Sends these updates as one body, whatever the setting `batch` says. */
  addBody(updates: readonly Update[], follower: Follower): void {
    this.unacknowledged += updates.length;
    this.dispatch(updates, this.clock() + this.extraDelayMs(), follower);
  }

  clear(): void {
    this.due.clear();
    this.filling = [];
    this.fillUntil = Infinity;
    this.unacknowledged = 0;
    this.alarm.cancel();
  }

  private extraDelayMs(): number {
    const { delayMs, reorder } = this.settings;
    return (
      (delayMs === null ? 0 : between(this.random, delayMs)) +
      (reorder ? between(this.random, OVERTAKING_MS) : 0)
    );
  }

  private flush(): void {
    const now = this.clock();
    for (let next = this.due.takeDue(now); next !== undefined; next = this.due.takeDue(now)) {
      if (this.filling.length === 0) this.fillUntil = now + FILL_MS;
      this.filling.push(next);
      if (this.filling.length >= this.settings.batch) this.sendFilled(now);
    }
    if (this.filling.length > 0 && now >= this.fillUntil) this.sendFilled(now);
    if (this.filling.length > 0) this.alarm.by(this.fillUntil);
    this.alarm.by(this.due.nextAt);
  }

  private sendFilled(now: number): void {
    const { filling } = this;
    this.filling = [];
    const [first] = filling;
    if (first === undefined) return;
    const updates = filling.map(({ update }) => update);
    this.dispatch(updates, now, filling.length === 1 ? first.follower : splitBetween(filling));
  }

  private dispatch(updates: readonly Update[], at: number, follower: Follower): void {
    const { duplicateShare, reorder } = this.settings;
    const ordered = reorder ? shuffled(updates, this.random) : updates;
    const body = metaJson(notificationOf(ordered));
    const signature = this.sign(body);
    this.courier.send(
      {
        body,
        signature,
        acknowledged: (answerMs) => {
          this.unacknowledged -= updates.length;
          follower.acknowledged(updates, answerMs);
        },
        failed: () => follower.failed(updates),
      },
      at,
    );
    if (duplicateShare > 0 && this.random() < duplicateShare) {
      this.courier.send(
        { body, signature, acknowledged: () => undefined, failed: () => undefined },
        at + between(this.random, REPEAT_AFTER_MS),
      );
    }
  }
}

/** One body may carry updates of several followers; each hears of its own. */
function splitBetween(waiting: readonly Waiting[]): Follower {
  const shares = new Map<Follower, Update[]>();
  for (const { update, follower } of waiting) {
    const share = shares.get(follower);
    if (share === undefined) shares.set(follower, [update]);
    else share.push(update);
  }
  return {
    acknowledged: (_, answerMs) =>
      shares.forEach((updates, follower) => follower.acknowledged(updates, answerMs)),
    failed: () => shares.forEach((updates, follower) => follower.failed(updates)),
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
