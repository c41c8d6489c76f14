import { type SendMessage } from '@talaria/contracts';
import { type Logger } from '@talaria/observability';
import { type CloudApiClient } from '@talaria/whatsapp';
import {
  type Breaker,
  type BreakerLimits,
  callsPerSecond,
  CLOSED,
  failed,
  probed,
  succeeded,
} from '../lanes/breaker';
import { type BusinessNumber } from '../open-tokens';
import { type Registry } from '../registry';
import { type Decision } from './decide';
import { probes } from './dispatch.metrics';

/** What all numbers share that send through Meta: no number and no WABA has such an id. */
export const PROVIDER = 'provider/meta';

/** `trouble`: calls fail, whoever's they are. `refused`: Meta refuses the sender, until a person has mended something. */
export type Reason = 'trouble' | 'refused';

const OF_NUMBER: BreakerLimits = { failures: 5, pauseMs: 1000, maxPauseMs: 60_000 };
const OF_PROVIDER: BreakerLimits = { failures: 10, pauseMs: 1000, maxPauseMs: 30_000 };

/** Who asks for a number, an account or all: the sender whose call failed last, and the token that it had then. */
type Entry = {
  readonly breaker: Breaker;
  readonly reason: Reason;
  readonly limits: BreakerLimits;
  sender: Sender;
  timer?: NodeJS.Timeout;
};

type Sender = Pick<BusinessNumber, 'phoneNumberId' | 'wabaId' | 'accessToken'>;

/** Which numbers, accounts, or Meta as a whole, are not called for now, because calls fail that are not at fault themselves. */
export type Breakers = {
  /**
   * Takes note of what a call led to.
   * @returns what follows for its command: where the sender rests now, it waits and nothing is spent
   */
  judge(command: SendMessage, accessToken: string, decision: Decision, startedAt: number): Decision;
  /** 0: nothing is sent; Infinity: nothing is held back. */
  callsPerSecond(id: string, now: number): number;
  /** Those that may send more from second to second. */
  growing(): string[];
  /** To be called after the registry was read: a token that was replaced is tried at once. */
  lookAgain(): void;
  count(reason: Reason): number;
  close(): void;
};

export function createBreakers(dependencies: {
  readonly client: Pick<CloudApiClient, 'probe'>;
  readonly registry: Pick<Registry, 'find'>;
  readonly logger: Logger;
  /** Something else is allowed to this number or account, or to all, than before. */
  readonly onChange: (id: string) => void;
}): Breakers {
  const { client, registry, logger, onChange } = dependencies;
  const entries = new Map<string, Entry>();

  function fail(id: string, failure: Omit<Entry, 'breaker'>, commandId: string, startedAt: number): void {
    const before = entries.get(id)?.breaker ?? CLOSED;
    const breaker = failed(before, commandId, failure.limits, callFrom(startedAt));
    if (breaker !== before) set(id, { ...failure, breaker });
  }

  function succeed(id: string, startedAt: number): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    const breaker = succeeded(entry.breaker, callFrom(startedAt));
    if (breaker === entry.breaker) return;
    set(id, { ...entry, breaker });
  }

  function set(id: string, entry: Entry): void {
    const { breaker, reason, sender } = entry;
    const before = entries.get(id)?.breaker.state ?? 'closed';
    if (breaker === CLOSED) entries.delete(id);
    else entries.set(id, entry);
    if (breaker.state === 'open') {
      clearTimeout(entry.timer);
      entry.timer = setTimeout(() => void probe(id), breaker.probeAt - performance.now()).unref();
    }
    if (breaker.state === before) return;
    onChange(id);
    report(id, breaker, reason, sender);
  }

  async function probe(id: string): Promise<void> {
    const entry = entries.get(id);
    if (entry?.breaker.state !== 'open') return;
    const number = registry.find(entry.sender.phoneNumberId);
    if (number === undefined) {
      // Its commands say themselves that it is gone.
      set(id, { ...entry, breaker: CLOSED });
      return;
    }
    entry.sender = number;
    const startedAt = performance.now();
    const result = await ask(number);
    probes.inc({ result });
    if (entries.get(id) !== entry) return;
    const isAnswered = result !== 'away' && (result !== 'refused' || entry.reason === 'trouble');
    set(id, { ...entry, breaker: probed(entry.breaker, isAnswered, entry.limits, callFrom(startedAt)) });
  }

  /** Of a sender without a token that opens, Meta knows nothing. */
  const ask = ({ phoneNumberId, accessToken }: Sender) =>
    accessToken === undefined ? Promise.resolve('away' as const) : client.probe(phoneNumberId, accessToken);

  function report(id: string, { state }: Breaker, reason: Reason, { phoneNumberId, wabaId }: Sender): void {
    const line = { breaker: id, state, reason, phoneNumberId, wabaId };
    if (state !== 'open') logger.info(line, 'calls are made again, a few at first');
    else if (reason === 'refused')
      logger.error(line, 'a sender is parked: mend its token, registration or payment; its messages wait');
    else logger.warn(line, 'calls fail one after another: none are made until a probe is answered');
  }

  return {
    judge(command, accessToken, decision, startedAt) {
      const { id: commandId, phoneNumberId, wabaId } = command;
      const sender = { phoneNumberId, wabaId, accessToken };
      const ids = [phoneNumberId, wabaId, PROVIDER];
      if (decision.kind === 'wait' && decision.pause === 'parked') {
        const limits = { failures: 1, pauseMs: decision.delayMs, maxPauseMs: decision.delayMs };
        const refusal = { reason: 'refused', limits, sender } as const;
        fail(decision.isOfAccount ? wabaId : phoneNumberId, refusal, commandId, startedAt);
        succeed(PROVIDER, startedAt);
      } else if (isTrouble(decision)) {
        const trouble = { reason: 'trouble', sender } as const;
        fail(phoneNumberId, { ...trouble, limits: OF_NUMBER }, commandId, startedAt);
        fail(PROVIDER, { ...trouble, limits: OF_PROVIDER }, commandId, startedAt);
      } else {
        for (const id of ids) succeed(id, startedAt);
      }
      const probeAt = Math.max(...ids.map((id) => probeAtOf(entries.get(id))));
      return probeAt > 0 ? resting(decision, probeAt - performance.now()) : decision;
    },
    callsPerSecond: (id, now) => callsPerSecond(entries.get(id)?.breaker ?? CLOSED, now),
    growing: () => [...entries].filter(([, { breaker }]) => breaker.state === 'ramping').map(([id]) => id),
    lookAgain() {
      for (const [id, { breaker, reason, sender }] of entries) {
        if (breaker.state !== 'open' || reason !== 'refused') continue;
        const { accessToken } = registry.find(sender.phoneNumberId) ?? sender;
        if (accessToken !== undefined && accessToken !== sender.accessToken) void probe(id);
      }
    },
    count: (reason) =>
      [...entries.values()].filter((one) => one.breaker.state === 'open' && one.reason === reason).length,
    close() {
      for (const { timer } of entries.values()) clearTimeout(timer);
      entries.clear();
    },
  };
}

function callFrom(startedAt: number) {
  return { startedAt, endedAt: performance.now(), random: Math.random() };
}

const probeAtOf = (entry: Entry | undefined) => (entry?.breaker.state === 'open' ? entry.breaker.probeAt : 0);

/** No answer, or one that says nothing of the message. */
function isTrouble(decision: Decision): boolean {
  return (
    (decision.kind === 'retry' && decision.isOfMessage !== true) ||
    decision.kind === 'unknown' ||
    (decision.kind === 'dead-letter' &&
      decision.cause === 'exhausted' &&
      decision.error.class === 'transient')
  );
}

/** A command whose call failed as all do spends nothing by it. What Meta may have taken stays unknown. */
function resting(decision: Decision, ms: number): Decision {
  const isSpent = isTrouble(decision) && decision.kind !== 'unknown';
  if (!isSpent || !('error' in decision)) return decision;
  return { kind: 'wait', pause: 'resting', delayMs: Math.max(0, Math.round(ms)), error: decision.error };
}
