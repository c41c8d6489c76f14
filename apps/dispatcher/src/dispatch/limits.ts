import { type PhoneNumber, type Waba } from '@talaria/database';
import { type Limit, perSecond } from '@talaria/rate-limit';
import { shareAt, slowDown, type Slowed } from '../lanes/adaptive-rate';
import { numberLimit } from '../lanes/number-limit';
import { pauseLane, pauseShared, type Scheduler, setLane, setShared } from '../lanes/scheduler';
import { type DispatcherConfig } from '../config';
import { type Registry } from '../registry';
import { type RestingPause } from './turn';
import { type Breakers, PROVIDER } from './breakers';

/** What holds the lanes of a scheduler back, kept to what the registry and Meta say. Times are those of the monotonic clock. */
export type Limits = {
  /** Takes over what the registry says of a number, which need not be in it. Makes its lane known. */
  setNumber(phoneNumberId: string, now: number): void;
  /** Likewise for all numbers that have a lane, accounts, apps and Meta as a whole. */
  setAll(now: number): void;
  /** Likewise for the number or account of this id, or for Meta as a whole. */
  setOne(id: string, now: number): void;
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
    readonly breakers: Pick<Breakers, 'callsPerSecond' | 'growing'>;
    readonly ownedShare: () => number;
  },
): Limits {
  const { config, registry, breakers, ownedShare } = dependencies;
  /** Numbers that Meta found too fast. */
  const slowed = new Map<string, Slowed>();
  let splitBy = ownedShare();

  function setNumber(phoneNumberId: string, now: number): void {
    const { messagesPerSecond, wabaId, pausedUntil } = registry.find(phoneNumberId) ?? UNKNOWN_NUMBER;
    const share = shareAt(slowed.get(phoneNumberId), now);
    if (share === 1) slowed.delete(phoneNumberId);
    const inboundPerSecond = registry.inboundPerSecond(phoneNumberId);
    const limit = numberLimit({
      messagesPerSecond,
      inboundPerSecond,
      percent: config.DISPATCH_RATE_PERCENT,
      share,
    });
    const calls = breakers.callsPerSecond(phoneNumberId, now);
    const sharedIds = [wabaId, appIdOf(wabaId), PROVIDER];
    setLane(
      scheduler,
      phoneNumberId,
      {
        limit: slower(limit, calls),
        sharedIds,
        heldUntil: calls === 0 ? Infinity : heldUntil(pausedUntil, now),
      },
      now,
    );
  }

  function setAccount(account: Waba, now: number): void {
    const { wabaId, messagesPerSecond, pausedUntil, restrictedUntil } = account;
    const calls = Math.min(messagesPerSecond ?? Infinity, breakers.callsPerSecond(wabaId, now));
    setBound(wabaId, calls, Math.max(heldUntil(pausedUntil, now), heldUntil(restrictedUntil, now)), now);
  }

  /** @param calls a second: 0 for none, Infinity for no limit */
  function setBound(id: string, calls: number, until: number, now: number): void {
    const limit = calls > 0 && calls < Infinity ? perSecond(calls, 1) : undefined;
    setShared(scheduler, id, limit, now, calls === 0 ? Infinity : until);
  }

  const setProvider = (now: number) => setBound(PROVIDER, breakers.callsPerSecond(PROVIDER, now), 0, now);

  /** Each dispatcher takes of an app's rate what it owns of the partitions: together they never take more than all of it. */
  function setApps(now: number): void {
    splitBy = ownedShare();
    for (const { appId, messagesPerSecond, pausedUntil } of registry.apps()) {
      const ours = messagesPerSecond === null ? Infinity : messagesPerSecond * splitBy;
      setBound(sharedIdOf(appId), ours, heldUntil(pausedUntil, now), now);
    }
  }

  const appIdOf = (wabaId: string) => sharedIdOf(registry.findAccount(wabaId)?.appId ?? 'default');

  return {
    setNumber,
    setAll(now) {
      for (const phoneNumberId of scheduler.lanes.keys()) setNumber(phoneNumberId, now);
      for (const account of registry.accounts()) setAccount(account, now);
      setApps(now);
      setProvider(now);
    },
    setOne(id, now) {
      if (id === PROVIDER) setProvider(now);
      if (scheduler.lanes.has(id)) setNumber(id, now);
      const account = registry.findAccount(id);
      if (account !== undefined) setAccount(account, now);
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
      for (const id of [...slowed.keys(), ...breakers.growing()]) this.setOne(id, now);
    },
  };
}

function slower(limit: Limit, calls: number): Limit {
  return calls > 0 && 1000 / calls > limit.intervalMs ? perSecond(calls, 1) : limit;
}

/** No WABA has such an id: those are digits. */
const sharedIdOf = (appId: string) => `app/${appId}`;

/** A pause ends by the clock on the wall; it is looked at again with every reading of the registry, so that a clock that was set is followed. */
function heldUntil(until: PhoneNumber['pausedUntil'], now: number): number {
  return until === null ? 0 : now + Number(until) - Date.now();
}
