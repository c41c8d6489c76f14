import { type Attributes, type AttributeValue, SpanStatusCode } from '@opentelemetry/api';
import { type tracing } from '@opentelemetry/sdk-node';

/** `id`: of ours, or of an installation; may be digits. `word`: of a fixed set, or a name of our own. */
type Kind = 'id' | 'word' | 'number';

/** What may stand on a span, a link or an event, and what it may look like. Whatever is not here is left out. */
const ALLOWED: Readonly<Record<string, Kind>> = {
  'messaging.system': 'word',
  'messaging.operation.name': 'word',
  'messaging.operation.type': 'word',
  'messaging.destination.name': 'word',
  'messaging.destination.partition.id': 'id',
  'messaging.kafka.offset': 'number',
  'messaging.batch.message_count': 'number',
  'messaging.message.conversation_id': 'id',
  'http.request.method': 'word',
  'http.response.status_code': 'number',
  'http.route': 'word',
  'url.template': 'word',
  'server.address': 'id',
  'server.port': 'number',
  'db.system.name': 'word',
  'db.namespace': 'id',
  'db.query.text': 'word',
  'db.operation.name': 'word',
  'error.type': 'word',
  'talaria.app_id': 'id',
  'talaria.attempt': 'number',
  'talaria.delivery_id': 'id',
  'talaria.link': 'word',
  'talaria.replay': 'word',
};

/** A wamid, or a token of Meta's. */
const SECRET = /wamid\.|EAA[A-Za-z0-9]{6}/i;
/** As many digits as a phone has, however they are set apart. */
const PHONE = /(?:\d[\s().-]?){7,}/;
export const SCRUBBED = '[scrubbed]';

function cleanText(text: string, kind: Kind): string {
  return SECRET.test(text) || (kind !== 'id' && PHONE.test(text)) ? SCRUBBED : text;
}

function cleanValue(value: AttributeValue | undefined, kind: Kind): AttributeValue | undefined {
  if (typeof value === 'string') return kind === 'number' ? undefined : cleanText(value, kind);
  if (typeof value === 'number') return kind === 'word' ? undefined : value;
  if (typeof value === 'boolean') return value;
  // Nothing of ours is a list.
  return undefined;
}

/** Leaves in `attributes`, which it changes, only what may be told. */
function scrub(attributes: Attributes): void {
  for (const name in attributes) {
    const kind = Object.hasOwn(ALLOWED, name) ? ALLOWED[name] : undefined;
    const clean = kind === undefined ? undefined : cleanValue(attributes[name], kind);
    if (clean === undefined) Reflect.deleteProperty(attributes, name);
    else attributes[name] = clean;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Cuts from every span, before anything exports it, what is not known to be harmless: phones, record keys, texts, tokens and wamids never leave
 * a process by a trace, whoever made the span. What an error says is cut as well: databases quote what they refuse.
 */
export const scrubSpans: tracing.SpanProcessor = {
  onStart: () => undefined,
  onEnding(span) {
    const one: Mutable<typeof span> = span;
    one.name = cleanText(span.name, 'id');
    scrub(span.attributes);
    for (const { attributes } of span.links) if (attributes !== undefined) scrub(attributes);
    span.events.length = 0;
    if (span.status.message !== undefined) one.status = { code: SpanStatusCode.ERROR };
  },
  onEnd: () => undefined,
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};
