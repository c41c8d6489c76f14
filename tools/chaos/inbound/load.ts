import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sign } from '@talaria/whatsapp';
import { Pool } from 'undici';
import { type Offer } from './check';
import { type InboundBody, type InboundPlan, SENDERS } from './plan';

export type InboundLoadOptions = {
  /**
   * Where each receiver takes webhooks: the receivers themselves and no balancer before them, because only what one receiver took is kept in
   * order. A sender posts to one of them, and to the next when that does not answer 200.
   */
  readonly urls: readonly string[];
  /** Asked before each post. */
  readonly appSecret: () => string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
};

export type InboundLoad = {
  /** What became of each body of the plan, at its place in the plan; changes as long as the load goes on. */
  readonly history: readonly Offer[];
  /** Resolves when everything planned is acknowledged, or was given up by `stop`; rejects when it could not be posted. */
  readonly ended: Promise<void>;
  /**
   * Begins no further body, and gives up those that are not acknowledged within a time. Resolves when nothing is under way.
   * @param withinMs default 10 s
   */
  stop(withinMs?: number): Promise<void>;
};

const ANSWER_WITHIN_MS = 8_000;
const BACK_OFF_MS = [50, 100, 200, 400];

/**
 * Load as Meta makes it: senders beside each other on kept-alive connections, each posting its bodies in order, the next only when the last was
 * answered with 200. Anything else, or nothing, brings the same bytes again after a short while. Begins at once.
 */
export function startInboundLoad(plan: InboundPlan, options: InboundLoadOptions): InboundLoad {
  const { appSecret, startedAt } = options;
  const receivers = options.urls.map((url) => ({ url, path: new URL(url).pathname, pool: poolOf(url) }));
  const history = plan.map((): Mutable<Offer> => ({
    ...{ firstAt: undefined, acknowledgedAt: undefined, acknowledgedBy: undefined, tried: [] },
    ...{ answers: {}, failures: 0, slowestMs: 0 },
  }));
  const stopping = new AbortController();
  setMaxListeners(SENDERS, stopping.signal);
  let giveUpAt = Infinity;

  async function send(sender: number): Promise<void> {
    for (const [place, body] of plan.entries()) {
      if (body.sender !== sender) continue;
      await sleep(startedAt + body.at - Date.now(), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      );
      const offer = history[place];
      if (offer === undefined || stopping.signal.aborted) return;
      await deliver(body, offer);
    }
  }

  async function deliver({ sender, body }: InboundBody, offer: Mutable<Offer>): Promise<void> {
    offer.firstAt = Date.now();
    for (let attempt = 0; Date.now() < giveUpAt; attempt++) {
      const receiver = receivers[(sender + attempt) % receivers.length];
      if (receiver === undefined) throw new Error('there is nobody to post to');
      if (!offer.tried.includes(receiver.url)) offer.tried = [...offer.tried, receiver.url];
      if ((await post(receiver, body, offer)) === 200) {
        offer.acknowledgedAt = Date.now();
        offer.acknowledgedBy = receiver.url;
        return;
      }
      await sleep(BACK_OFF_MS[attempt] ?? 400);
    }
  }

  async function post(
    { pool, path }: (typeof receivers)[number],
    body: string,
    offer: Mutable<Offer>,
  ): Promise<number | undefined> {
    const began = performance.now();
    const signature = sign(Buffer.from(body), appSecret());
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
    try {
      const { statusCode, body: answer } = await pool.request({ method: 'POST', path, headers, body });
      await answer.dump();
      offer.answers = { ...offer.answers, [statusCode]: (offer.answers[statusCode] ?? 0) + 1 };
      offer.slowestMs = Math.max(offer.slowestMs, performance.now() - began);
      return statusCode;
    } catch {
      offer.failures++;
      return undefined;
    }
  }

  const ended = Promise.all(Array.from({ length: SENDERS }, (_, sender) => send(sender)))
    .then(() => undefined)
    .finally(() => Promise.all(receivers.map(({ pool }) => pool.destroy())));
  return {
    history,
    ended,
    async stop(withinMs = 10_000) {
      giveUpAt = Math.min(giveUpAt, Date.now() + withinMs);
      stopping.abort();
      await ended;
    },
  };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function poolOf(url: string): Pool {
  return new Pool(new URL(url).origin, {
    connections: SENDERS,
    headersTimeout: ANSWER_WITHIN_MS,
    bodyTimeout: ANSWER_WITHIN_MS,
  });
}
