import { SpanStatusCode } from '@opentelemetry/api';
import { tracing } from '@opentelemetry/sdk-node';
import { SCRUBBED, scrubSpans } from './scrub-spans';

const exporter = new tracing.InMemorySpanExporter();
const provider = new tracing.BasicTracerProvider({
  spanProcessors: [scrubSpans, new tracing.SimpleSpanProcessor(exporter)],
});
const tracer = provider.getTracer('spec');
const link = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };

/** What is exported of a span that everything was put on. */
function exported(name: string, attributes: Record<string, string | number | boolean | string[]>) {
  exporter.reset();
  const span = tracer.startSpan(name, { attributes, links: [{ context: link, attributes }] });
  span.addEvent('exception', attributes);
  span.recordException(new Error(JSON.stringify(attributes)));
  span.setStatus({ code: SpanStatusCode.ERROR, message: JSON.stringify(attributes) });
  span.end();
  const [one] = exporter.getFinishedSpans();
  if (one === undefined) throw new Error('it was not exported');
  return one;
}

const secrets: readonly [string, string, string | number | string[]][] = [
  ['a record key', 'messaging.kafka.message.key', '4915112345678'],
  ['a phone', 'talaria.replay', '+49 151 123 456 78'],
  ['a phone in brackets', 'error.type', 'to (555) 010-9999'],
  ['a phone as a number', 'error.type', 4915112345678],
  [
    'the number of a phone in a statement',
    'db.query.text',
    "SELECT FROM messages WHERE phone = '4915112345678'",
  ],
  ['values of a statement', 'db.postgresql.values', ['4915112345678', 'a text']],
  ['a text', 'message.text', 'the doctor says yes'],
  ['a url with an id', 'url.full', 'https://graph.facebook.com/v24.0/106540352242922/messages'],
  ['a header', 'http.request.header.authorization', 'Bearer EAAGm0PX4ZCpsBA'],
  ['a token where an id stands', 'talaria.app_id', 'EAAGm0PX4ZCpsBA'],
  [
    'a wamid where an id stands',
    'messaging.message.conversation_id',
    'wamid.HBgNNDkxNTExMjM0NTY3OBUCABEYEjdE',
  ],
  ['a wamid in capitals', 'error.type', 'WAMID.HBgNNDkxNTExMjM0NTY3OBUCABEYEjdE'],
  ['a list', 'messaging.destination.name', ['4915112345678']],
];

it.each(secrets)('%s leaves the process on no span, link, event or status', (_, name, value) => {
  const one = exported('process', { [name]: value, 'messaging.system': 'kafka' });
  const told = JSON.stringify([one.name, one.attributes, one.links, one.events, one.status]);
  for (const secret of [value].flat().map(String)) expect(told).not.toContain(secret);
  expect(one.attributes['messaging.system']).toBe('kafka');
  expect(one.status).toEqual({ code: SpanStatusCode.ERROR });
  expect(one.events).toEqual([]);
});

it("leaves a span's name without what must not be told", () => {
  expect(exported('GET wamid.HBgNNDkxNTExMjM0NTY3OBUCABEYEjdE', {}).name).toBe(SCRUBBED);
});

it('leaves what is known to be harmless as it is', () => {
  const attributes = {
    'messaging.destination.name': 'whatsapp.outbound.retry-30s',
    'messaging.destination.partition.id': '11',
    'messaging.kafka.offset': 12_345_678_901,
    'messaging.message.conversation_id': 'order-20261128-0000001',
    'http.route': '/webhooks/whatsapp',
    'server.address': '10.100.200.100',
    'db.query.text': 'INSERT INTO messages SELECT * FROM unnest($1::text[], $2::text[], $13::timestamptz[])',
    'error.type': '131026',
    'talaria.delivery_id': '12345678-1234-4234-8234-123456789012',
    'talaria.attempt': 2,
  };
  const { attributes: told, links, name } = exported('process whatsapp.outbound', attributes);
  expect(told).toEqual(attributes);
  expect(links[0]?.attributes).toEqual(attributes);
  expect(name).toBe('process whatsapp.outbound');
});
