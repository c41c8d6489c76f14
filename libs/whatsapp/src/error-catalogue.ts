/**
 * Meta's error codes and what they mean for sending, as data. Classified by `code` alone: HTTP status, titles and subcodes are not stable.
 * From Meta's error reference and the tables of public client libraries.
 */
export type ErrorClass =
  /** A passing fault at Meta: try again. */
  | 'transient'
  /** The number's throughput is used up. */
  | 'rate-number'
  /** Too many messages to the same recipient. */
  | 'rate-pair'
  /** The call limit of the WABA. */
  | 'rate-account'
  /** The call limit of the app, whatever WABA it calls for. */
  | 'rate-app'
  /** This recipient cannot or may not be reached. */
  | 'recipient'
  /** The command itself is wrong. */
  | 'content'
  /** Outside the customer service window: only a template may go. */
  | 'window'
  /** The token or its permissions: everything of the number waits until a person mends it. */
  | 'auth'
  /** Registration, payment or restriction of the number or account: likewise. */
  | 'config';

export type ErrorRule = {
  readonly class: ErrorClass;
  /** Whose error it is, where that is not as usual in its class: `account` when all numbers of the WABA have it, `message` when no other message has it. */
  readonly scope?: 'account' | 'message';
  /** At most so many attempts, however long the schedule is. */
  readonly tries?: number;
  /** When a status tells the error, of a message that Meta had taken: at most so many attempts in all. */
  readonly asyncTries?: number;
  /** Nothing is gained by coming back sooner, in milliseconds. */
  readonly waitMs?: number;
};

type Row = ErrorRule & { readonly meaning: string };

const row = (errorClass: ErrorClass, meaning: string, rule: Omit<ErrorRule, 'class'> = {}): Row => ({
  class: errorClass,
  meaning,
  ...rule,
});

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export const errorCatalogue: Readonly<Record<number, Row>> = {
  0: row('auth', 'app user cannot be authenticated'),
  1: row('transient', 'bad request or server error', { tries: 2 }),
  2: row('transient', 'temporarily down or overloaded'),
  3: row('auth', 'app lacks capability or permission'),
  4: row('rate-app', 'call limit of the app'),
  10: row('auth', 'permission missing or removed'),
  33: row('config', 'number deleted or not visible'),
  100: row('content', 'unknown, misspelt or too long parameter'),
  104: row('auth', 'token missing'),
  190: row('auth', 'token expired or invalid'),
  368: row('config', 'account restricted or disabled for policy', { scope: 'account' }),
  613: row('rate-account', 'custom call limit'),
  80007: row('rate-account', 'call limit of the WABA'),
  130403: row('recipient', 'your business blocked this user'),
  130429: row('rate-number', 'throughput of the number reached'),
  130472: row('recipient', 'withheld: marketing experiment'),
  130497: row('recipient', 'account may not message this country'),
  131000: row('transient', 'something failed, no reason given', { asyncTries: 2 }),
  131005: row('auth', 'permission missing'),
  131008: row('content', 'required parameter missing'),
  131009: row('content', 'parameter value invalid'),
  131016: row('transient', 'service temporarily unavailable'),
  131020: row('content', 'group error'),
  131021: row('content', 'sender and recipient are the same'),
  131026: row('recipient', 'undeliverable'),
  131030: row('config', "recipient not on the test number's allow list"),
  131031: row('config', 'account locked', { scope: 'account' }),
  131037: row('config', 'display name not approved'),
  131041: row('content', 'group error'),
  131042: row('config', 'payment problem', { scope: 'account' }),
  131044: row('config', 'payment problem', { scope: 'account' }),
  131045: row('config', 'number not registered'),
  131047: row('window', "more than 24 h since the user's last message"),
  131048: row('config', 'number restricted for spam reports or quality', { waitMs: HOUR_MS }),
  131049: row('recipient', 'withheld to protect engagement'),
  131050: row('recipient', 'user opted out of marketing'),
  131051: row('content', 'message type unsupported'),
  131053: row('content', 'media could not be uploaded or fetched'),
  131055: row('content', 'this endpoint takes marketing templates only'),
  131056: row('rate-pair', 'too many messages to the same recipient'),
  131057: row('rate-number', 'account or number in maintenance', { waitMs: MINUTE_MS }),
  131062: row('content', 'user ids not supported for this message'),
  131063: row('config', 'marketing through this endpoint switched off'),
  131064: row('config', 'account limited: templates misclassified', { scope: 'account' }),
  132000: row('content', 'number of parameters differs from the template'),
  132001: row('content', 'template or language missing or not approved'),
  132005: row('content', 'text too long after filling in'),
  132007: row('content', 'template violates policy'),
  132008: row('content', 'parameter format mismatch'),
  132012: row('content', 'parameter format mismatch'),
  132015: row('content', 'template paused'),
  132016: row('content', 'template disabled'),
  132018: row('content', 'template parameters wrong'),
  132068: row('content', 'flow blocked'),
  132069: row('rate-pair', 'flow throttled', { waitMs: HOUR_MS }),
  133000: row('config', 'registration half-done'),
  133004: row('transient', 'server temporarily unavailable'),
  133005: row('config', 'PIN wrong'),
  133006: row('config', 'number needs verification'),
  133008: row('config', 'too many PIN tries'),
  133009: row('config', 'PIN entered too fast'),
  133010: row('config', 'number not registered'),
  133015: row('config', 'number deleted a moment ago', { waitMs: 5 * MINUTE_MS }),
  133016: row('config', 'too many registrations'),
  134011: row('config', 'payment terms not accepted', { scope: 'account' }),
  134100: row('content', 'this endpoint takes marketing templates only'),
  134101: row('transient', 'template still syncing', { scope: 'message', waitMs: 10 * MINUTE_MS }),
  134102: row('config', 'template unavailable or not onboarded'),
  135000: row('content', 'generic: bad request parameters'),
  137000: row('recipient', 'identity of the recipient changed'),
  2494100: row('rate-number', 'account or number in maintenance', { waitMs: MINUTE_MS }),
};

/** What is known of an error that Meta answered, without its meaning: also of one that the catalogue does not know, by its range or the HTTP status. */
export function errorRule(code: number | undefined, httpStatus: number, isTransient = false): ErrorRule {
  const known = code === undefined ? undefined : errorCatalogue[code];
  if (known !== undefined) return known;
  if (code !== undefined && code >= 200 && code <= 299) return { class: 'auth' };
  if (code !== undefined && code >= 131200 && code <= 131299) return { class: 'content' };
  return isTransient || httpStatus >= 500 || httpStatus === 429
    ? { class: 'transient', tries: 3 }
    : { class: 'content' };
}

/** The class alone. */
export function classifyError(code: number | undefined, httpStatus: number, isTransient = false): ErrorClass {
  return errorRule(code, httpStatus, isTransient).class;
}
