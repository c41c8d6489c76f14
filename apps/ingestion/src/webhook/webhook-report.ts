import { type Logger, wideLog } from '@talaria/observability';
import { type Refusal, webhookRequests } from './webhook.metrics';

/** What is told of a webhook request beside its result; what is not known is left out. */
export type WebhookFacts = {
  readonly app: string;
  readonly deliveryId?: string;
  readonly items?: number;
  /** Of its first item. */
  readonly wabaId?: string | undefined;
  readonly phoneNumberId?: string | undefined;
  readonly bytes?: number;
  readonly durationMs?: number;
};

export type WebhookResult = 'accepted' | 'not_json' | 'unavailable' | Refusal;

/** Counts each webhook request, and tells of it in one line. */
export type WebhookReport = (result: WebhookResult, facts: WebhookFacts) => void;

/** Strangers decide how many requests are refused, and the log may lie on the very disk that is full. */
const REFUSALS_PER_SECOND = 10;

/**
 * Accepted ones are told at `debug`: there are thousands a second, and their answers would wait for whoever reads the log. Of all others at
 * most ten a second of each result are told, at `info`; `untold` in the next line says how many were not.
 */
export function createWebhookReport(logger: Logger, now = () => performance.now()): WebhookReport {
  const log = wideLog(logger);
  const told = new Map<WebhookResult, { second: number; lines: number; untold: number }>();

  function untoldBefore(result: WebhookResult): number | undefined {
    const second = Math.floor(now() / 1000);
    let of = told.get(result);
    if (of === undefined) told.set(result, (of = { second, lines: 0, untold: 0 }));
    if (of.second !== second) Object.assign(of, { second, lines: 0 });
    if (of.lines >= REFUSALS_PER_SECOND) {
      of.untold += 1;
      return undefined;
    }
    const { untold } = of;
    Object.assign(of, { lines: of.lines + 1, untold: 0 });
    return untold;
  }

  return (result, facts) => {
    const { app, durationMs, ...rest } = facts;
    webhookRequests.inc({ result, app });
    const isAccepted = result === 'accepted';
    if (!log.isLevelEnabled(isAccepted ? 'debug' : 'info')) return;
    const untold = isAccepted ? 0 : untoldBefore(result);
    if (untold === undefined) return;
    const line = {
      ...{ result, ...rest },
      ...(app !== '' && { app }),
      ...(durationMs !== undefined && { durationMs: Math.round(durationMs * 10) / 10 }),
      ...(untold > 0 && { untold }),
    };
    if (isAccepted) log.debug(line, 'webhook');
    else log.info(line, 'webhook');
  };
}
