import { type FaultAnswer, type FaultMatch } from '../faults/faults';
import { type BusinessNumber } from '../numbers';
import { TRAFFIC_KINDS } from '../traffic/inbound-source';
import { type TrafficOptions } from '../traffic/traffic';
import { type SendSettings } from '../settings';
import { type WebhookSettings } from '../webhooks/webhook-queue';
import { CallFields, WrongCall } from './call-fields';

const DAY_MS = 86_400_000;
const DIGITS = /^\d{1,32}$/;
const HTTP_URL = /^https?:\/\//;

export function readNumber(phoneNumberId: string, body: unknown): BusinessNumber {
  if (!DIGITS.test(phoneNumberId)) throw new WrongCall('the phone number id in the path must be digits');
  return CallFields.read(body, (call) => ({
    phoneNumberId,
    wabaId: call.text('wabaId', DIGITS, 'text of digits'),
    displayPhoneNumber: call.text('displayPhoneNumber', /^\+?\d[\d ()-]{3,24}$/, 'a phone number'),
    accessToken: call.text('accessToken'),
    messagesPerSecond: call.optional('messagesPerSecond', 80, () =>
      call.number('messagesPerSecond', 1, 1_000_000),
    ),
    verifiedName: call.optional('verifiedName', 'Talaria Test', () => call.text('verifiedName')),
  }));
}

export type AllSettings = SendSettings & { readonly webhookUrl: string; readonly webhooks: WebhookSettings };

/** The settings after the call: what it does not name stays as it was. */
export function readSettings(now: AllSettings, body: unknown): AllSettings {
  return CallFields.read(body, (call) => ({
    webhookUrl: call.optional('webhookUrl', now.webhookUrl, () => readUrl(call)),
    limits: call.optional('limits', now.limits, () => call.boolean('limits')),
    statuses: call.optional('statuses', now.statuses, () =>
      call.object('statuses', (statuses) => ({
        sent: statuses.nullable('sent', now.statuses.sent, () => statuses.range('sent')),
        delivered: statuses.nullable('delivered', now.statuses.delivered, () => statuses.range('delivered')),
        read: statuses.nullable('read', now.statuses.read, () => statuses.range('read')),
      })),
    ),
    webhooks: call.optional('webhooks', now.webhooks, () =>
      call.object('webhooks', (webhooks) => readWebhooks(now.webhooks, webhooks)),
    ),
  }));
}

function readUrl(call: CallFields): string {
  const url = call.text('webhookUrl', HTTP_URL, 'a URL that begins with http:// or https://');
  return URL.canParse(url) ? url : call.wrong('webhookUrl', 'a complete URL');
}

function readWebhooks(now: WebhookSettings, webhooks: CallFields): WebhookSettings {
  return {
    duplicateShare: webhooks.optional('duplicateShare', now.duplicateShare, () =>
      webhooks.number('duplicateShare', 0, 1),
    ),
    reorder: webhooks.optional('reorder', now.reorder, () => webhooks.boolean('reorder')),
    delayMs: webhooks.nullable('delayMs', now.delayMs, () => webhooks.range('delayMs')),
    batch: webhooks.optional('batch', now.batch, () => webhooks.integer('batch', 1, 1000)),
  };
}

export type FaultCall = {
  readonly match: FaultMatch;
  readonly times: number | null;
  readonly answer: FaultAnswer;
};

export function readFault(body: unknown): FaultCall {
  return CallFields.read(body, (call) => ({
    match: call.optional('match', {}, () =>
      call.object('match', (match) => ({
        ...match.optional('phoneNumberId', {}, () => ({ phoneNumberId: match.text('phoneNumberId') })),
        ...match.optional('recipient', {}, () => ({ recipient: match.text('recipient') })),
        ...match.optional('callbackData', {}, () => ({ callbackData: match.text('callbackData') })),
      })),
    ),
    times: call.nullable('times', 1, () => call.integer('times', 1, 1_000_000_000)),
    answer: call.object('answer', readAnswer),
  }));
}

const ANSWER_FORMS = 'exactly one of code, http, hang, drop, delayMs, failedStatus';

function readAnswer(answer: CallFields): FaultAnswer {
  const forms = ['code', 'http', 'hang', 'drop', 'delayMs', 'failedStatus'].filter((key) => answer.has(key));
  if (forms.length !== 1) throw new WrongCall(`answer must have ${ANSWER_FORMS}`);
  switch (forms[0]) {
    case 'code':
      return readErrorAnswer(answer);
    case 'http':
      return {
        kind: 'http',
        status: answer.integer('http', 200, 599),
        body: answer.optional('body', '', () => String(answer.any('body'))),
        contentType: answer.optional('contentType', 'text/html', () => answer.text('contentType')),
        accept: answer.optional('accept', false, () => answer.boolean('accept')),
      };
    case 'hang':
      if (!answer.boolean('hang')) answer.wrong('hang', 'true');
      return { kind: 'hang', accept: answer.optional('accept', false, () => answer.boolean('accept')) };
    case 'drop':
      return {
        kind: 'drop',
        accept: answer.text('drop', /^(before|after)$/, '"before" or "after" (acceptance)') === 'after',
      };
    case 'delayMs':
      return { kind: 'delay', delayMs: answer.number('delayMs', 1, DAY_MS) };
    default:
      return { kind: 'failed-status', code: answer.integer('failedStatus', 0, 99_999_999) };
  }
}

function readErrorAnswer(answer: CallFields): FaultAnswer {
  const integer = (key: string, min: number, max: number) => answer.integer(key, min, max);
  return {
    kind: 'error',
    code: integer('code', 0, 99_999_999),
    ...answer.optional('status', {}, () => ({ status: integer('status', 400, 599) })),
    ...answer.optional('subcode', {}, () => ({ subcode: integer('subcode', 0, 99_999_999) })),
    ...answer.optional('isTransient', {}, () => ({ isTransient: answer.boolean('isTransient') })),
    ...answer.optional('retryAfterSeconds', {}, () => ({
      retryAfterSeconds: integer('retryAfterSeconds', 0, 86_400),
    })),
  };
}

/** @param registered the numbers that may be named; all of them receive when none is */
export function readTraffic(registered: readonly BusinessNumber[], body: unknown): TrafficOptions {
  return CallFields.read(body, (call) => {
    const ids = registered.map(({ phoneNumberId }) => phoneNumberId);
    const chosen = call.optional('phoneNumberIds', ids, () => call.listOf('phoneNumberIds', ids));
    const [first, ...rest] = registered.filter(({ phoneNumberId }) => chosen.includes(phoneNumberId));
    if (first === undefined) throw new WrongCall('register a number first: PUT /simulator/numbers/{id}');
    return {
      perSecond: call.number('perSecond', 0.001, 1_000_000),
      count: call.nullable('count', null, () => call.integer('count', 1, 1_000_000_000)),
      durationMs: call.nullable('durationMs', null, () => call.number('durationMs', 1, 365 * DAY_MS)),
      kinds: call.optional('kinds', TRAFFIC_KINDS, () => call.listOf('kinds', TRAFFIC_KINDS)),
      numbers: [first, ...rest],
      senders: call.optional('senders', 1000, () => call.integer('senders', 1, 8_000_000)),
      batchSize: call.nullable('batchSize', null, () => call.integer('batchSize', 1, 1000)),
      seed: call.optional('seed', 1, () => call.integer('seed', 0, 4_294_967_295)),
    };
  });
}

export type DeliverCall = {
  readonly body: unknown;
  readonly times: number;
  /** Undefined: the right one; null: none at all. */
  readonly signature: string | null | undefined;
};

export function readDelivery(body: unknown): DeliverCall {
  return CallFields.read(body, (call) => {
    const payload = call.any('body');
    if (payload === undefined || payload === null || typeof payload === 'number') {
      call.wrong('body', 'an object, or the raw text to post');
    }
    return {
      body: payload,
      times: call.optional('times', 1, () => call.integer('times', 1, 1000)),
      signature: call.nullable('signature', undefined, () => call.text('signature')),
    };
  });
}

/** @param after the query parameter of a list: the last sequence number already seen */
export function readAfter(after: string | undefined): number {
  if (after === undefined || after === '') return 0;
  if (!/^\d{1,15}$/.test(after)) throw new WrongCall('after must be a sequence number');
  return Number(after);
}
