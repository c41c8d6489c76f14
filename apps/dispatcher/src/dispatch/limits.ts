import { type PhoneNumber } from '@talaria/database';
import { perSecond } from '@talaria/rate-limit';
import { shareAt, slowDown, type Slowed } from '../lanes/adaptive-rate';
import { numberLimit } from '../lanes/number-limit';
import { pauseLane, pauseShared, type Scheduler, setLane, setShared } from '../lanes/scheduler';
import { type DispatcherConfig } from '../config';
import { type Registry } from '../registry';
import { type RestingPause } from './attempt';

/** What holds the lanes of a scheduler back, kept to what the registry and Meta say. Times are those of the monotonic clock. */
export type Limits = {
  /** Takes over what the registry says of a number, which need not be in it. Makes its lane known. */
  setNumber(phoneNumberId: string, now: number): void;
  /** Likewise for all numbers that have a lane, accounts and apps. */
  setAll(now: number): void;
  /** The apps' rates are split anew when this process owns another share of the partitions. */
  split(now: number): void;
  /** Meta said so: the number, its account or its app rests. */
  rest(
    number: Pick<PhoneNumber, 'phoneNumberId' | 'wabaId'>,
    who: RestingPause,
    now: number,
    ms: number,
  ): void;
  /** What was slowed down grows back a little. */
  regain(now: number): void;
};

/** For a number that is not in the registry (yet): its commands are refused before any call. */
const UNKNOWN_NUMBER = { messagesPerSecond: 80, wabaId: '', pausedUntil: null };

/** @param ownedShare from 0 to 1: of the partitions of commands, those that are this process's own */
export function createLimits<Job>(
  scheduler: Scheduler<Job>,
  dependencies: {
    readonly config: Pick<DispatcherConfig, 'DISPATCH_RATE_PERCENT'>;
    readonly registry: Registry;
    readonly ownedShare: () => number;
  },
): Limits {
  const { config, registry, ownedShare } = dependencies;
  /** Numbers that Meta found too fast. */
  const slowed = new Map<string, Slowed>();
  let splitBy = ownedShare();

  function setNumber(phoneNumberId: string, now: number): void {
    const { messagesPerSecond, wabaId, ...number } = registry.find(phoneNumberId) ?? UNKNOWN_NUMBER;
    const share = shareAt(slowed.get(phoneNumberId), now);
    if (share === 1) slowed.delete(phoneNumberId);
    const inboundPerSecond = registry.inboundPerSecond(phoneNumberId);
    const limit = numberLimit({
      messagesPerSecond,
      inboundPerSecond,
      percent: config.DISPATCH_RATE_PERCENT,
      share,
    });
    const sharedIds = [wabaId, appIdOf(wabaId)];
    setLane(scheduler, phoneNumberId, { limit, sharedIds, heldUntil: heldUntil(number, now) }, now);
  }

  function setAccounts(now: number): void {
    for (const { wabaId, messagesPerSecond, ...account } of registry.accounts()) {
      const limit = messagesPerSecond === null ? undefined : perSecond(messagesPerSecond, 1);
      setShared(scheduler, wabaId, limit, now, heldUntil(account, now));
    }
  }

  /** Each dispatcher takes of an app's rate what it owns of the partitions: together they never take more than all of it. */
  function setApps(now: number): void {
    splitBy = ownedShare();
    for (const { appId, messagesPerSecond, ...app } of registry.apps()) {
      const ours = messagesPerSecond === null ? undefined : messagesPerSecond * splitBy;
      const until = ours === 0 ? Infinity : heldUntil(app, now);
      setShared(scheduler, sharedIdOf(appId), ours ? perSecond(ours, 1) : undefined, now, until);
    }
  }

  const appIdOf = (wabaId: string) => sharedIdOf(registry.findAccount(wabaId)?.appId ?? 'default');

  return {
    setNumber,
    setAll(now) {
      for (const phoneNumberId of scheduler.lanes.keys()) setNumber(phoneNumberId, now);
      setAccounts(now);
      setApps(now);
    },
    split(now) {
      if (ownedShare() !== splitBy) setApps(now);
    },
    rest({ phoneNumberId, wabaId }, who, now, ms) {
      if (who === 'app') pauseShared(scheduler, appIdOf(wabaId), now + ms);
      else if (who === 'account') pauseShared(scheduler, wabaId, now + ms);
      else pauseLane(scheduler, phoneNumberId, now + ms);
      if (who === 'number') slowed.set(phoneNumberId, slowDown(slowed.get(phoneNumberId), now));
    },
    regain(now) {
      for (const phoneNumberId of slowed.keys())
        if (scheduler.lanes.has(phoneNumberId)) setNumber(phoneNumberId, now);
    },
  };
}

/** No WABA has such an id: those are digits. */
const sharedIdOf = (appId: string) => `app/${appId}`;

/** A pause ends by the clock on the wall; it is looked at again with every reading of the registry, so that a clock that was set is followed. */
function heldUntil({ pausedUntil }: Pick<PhoneNumber, 'pausedUntil'>, now: number): number {
  return pausedUntil === null ? 0 : now + Number(pausedUntil) - Date.now();
}
