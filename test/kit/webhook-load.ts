import { setTimeout as sleep } from 'node:timers/promises';
import { sign } from '@talaria/whatsapp';
import { Pool } from 'undici';
import { numberedId } from './check-acknowledged';

export type Answer = {
  /** When the post was sent, in milliseconds since 1970. */
  readonly at: number;
  readonly tookMs: number;
  readonly status: number;
};

export type WebhookLoad = {
  /** When each message was answered with 200, by its id. */
  readonly acknowledgedAt: ReadonlyMap<string, number>;
  readonly answers: readonly Answer[];
  /** Posts that ended without an answer: refused, cut off or too late. */
  failures(): number;
  /**
   * Lets every sender end its current post, and gives up, unacknowledged, those that are not delivered within a time.
   * Resolves when nothing is under way any more.
   */
  stop(withinMs?: number): Promise<void>;
};

export type WebhookLoadOptions = {
  readonly url: string;
  readonly appSecret: string;
  readonly senders?: number;
  /** Between a sender's posts. */
  readonly pauseMs?: number;
};

/** How many people a sender speaks for: a body carries a message of each, so that one body lies in several partitions. */
const PEOPLE = 2;
const ANSWER_WITHIN_MS = 8_000;
const BACK_OFF_MS = [50, 100, 200, 400];

/**
 * Load as Meta makes it: senders beside each other on kept-alive connections, each posting one body after another, the next only when
 * the last was answered with 200. Anything else, or nothing, brings the same bytes again after a short while. Begins at once.
 */
export function startWebhookLoad(options: WebhookLoadOptions): WebhookLoad {
  const { url, appSecret, senders = 60, pauseMs = 20 } = options;
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, {
    connections: senders,
    headersTimeout: ANSWER_WITHIN_MS,
    bodyTimeout: ANSWER_WITHIN_MS,
  });
  const acknowledgedAt = new Map<string, number>();
  const answers: Answer[] = [];
  let failures = 0;
  let giveUpAt = Infinity;
  const isStopping = () => giveUpAt < Infinity;

  async function send(sender: number): Promise<void> {
    for (let number = 0; !isStopping(); number++) {
      const ids = peopleOf(sender).map((person) => numberedId(person, number));
      if (!(await deliver(bodyOf(sender, ids)))) return;
      for (const id of ids) acknowledgedAt.set(id, Date.now());
      await sleep(pauseMs);
    }
  }

  async function deliver(body: string): Promise<boolean> {
    const signature = sign(Buffer.from(body), appSecret);
    for (let attempt = 0; Date.now() < giveUpAt; attempt++) {
      if ((await post(body, signature)) === 200) return true;
      await sleep(BACK_OFF_MS[attempt] ?? 400);
    }
    return false;
  }

  async function post(body: string, signature: string): Promise<number | undefined> {
    const at = Date.now();
    try {
      const { statusCode: status, body: answer } = await pool.request({
        method: 'POST',
        path: pathname,
        headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
        body,
      });
      await answer.dump();
      answers.push({ at, tookMs: Date.now() - at, status });
      return status;
    } catch {
      failures++;
      return undefined;
    }
  }

  const sending = Promise.all(Array.from({ length: senders }, (_, sender) => send(sender)));
  return {
    acknowledgedAt,
    answers,
    failures: () => failures,
    async stop(withinMs = 10_000) {
      giveUpAt = Math.min(giveUpAt, Date.now() + withinMs);
      await sending;
      await pool.destroy();
    },
  };
}

/** How many answers had each status. */
export function countByStatus(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The longest time in which nothing was acknowledged, in milliseconds. */
export function longestSilenceMs({ acknowledgedAt }: Pick<WebhookLoad, 'acknowledgedAt'>): number {
  const times = [...acknowledgedAt.values()];
  return times.reduce((longest, at, index) => Math.max(longest, at - (times[index - 1] ?? at)), 0);
}

function peopleOf(sender: number): number[] {
  return Array.from({ length: PEOPLE }, (_, index) => sender * PEOPLE + index);
}

function bodyOf(sender: number, ids: readonly string[]): string {
  const phones = peopleOf(sender).map((person) => String(15_550_200_000 + person));
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '+1 555 010 7000', phone_number_id: '840001' },
    contacts: phones.map((phone) => ({ profile: { name: 'Chaos' }, wa_id: phone })),
    messages: ids.map((id, index) => ({
      from: phones[index],
      id,
      timestamp: String(Math.floor(Date.now() / 1000)),
      type: 'text',
      text: { body: `This is ${id}.` },
    })),
  };
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: '830001', changes: [{ field: 'messages', value }] }],
  });
}
