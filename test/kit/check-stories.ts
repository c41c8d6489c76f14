import { type TracedLink, type TracedSpan } from './traced-span';
import { conversation, type TraceSource } from './trace-source';

/** As OTLP numbers them. */
const kinds = { server: 2, client: 3, producer: 4, consumer: 5 } as const;

function spansNamed(spans: readonly TracedSpan[], name: string): TracedSpan[] {
  const found = spans.filter((span) => span.name === name);
  if (found.length === 0)
    throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(', ')}`);
  return found;
}

function theSpan(spans: readonly TracedSpan[], name: string): TracedSpan {
  const [one, ...others] = spansNamed(spans, name);
  if (one === undefined || others.length > 0) throw new Error(`${others.length + 1} spans ${name}, not one`);
  return one;
}

const isTo = (span: Pick<TracedSpan, 'traceId' | 'spanId'>) => (link: TracedLink) =>
  link.traceId === span.traceId && link.spanId === span.spanId;

function expectChild(span: TracedSpan, parent: Pick<TracedSpan, 'traceId' | 'spanId'>): void {
  expect({ of: span.name, traceId: span.traceId, parent: span.parentSpanId }).toEqual({
    of: span.name,
    traceId: parent.traceId,
    parent: parent.spanId,
  });
}

function expectRoot(span: TracedSpan): void {
  expect({ of: span.name, parent: span.parentSpanId }).toEqual({ of: span.name, parent: '' });
}

function expectLink(span: TracedSpan, to: Pick<TracedSpan, 'traceId' | 'spanId'>): TracedLink {
  const link = span.links.find(isTo(to));
  if (link === undefined)
    throw new Error(`${span.name} has no link to ${to.spanId}, but to ${JSON.stringify(span.links)}`);
  return link;
}

/** Webhook → Kafka → projection → event in one trace, and the work that served the whole batch beside it. */
export async function checkWebhookStory(source: TraceSource, traceId: string): Promise<void> {
  const spans = await source.ofTrace(traceId);
  const request = theSpan(spans, 'POST /webhooks/whatsapp');
  const sent = theSpan(spans, 'send whatsapp.webhooks');
  const processed = theSpan(spans, 'process whatsapp.webhooks');
  const told = theSpan(spans, 'send whatsapp.events');
  expectRoot(request);
  expectChild(sent, request);
  expectChild(processed, sent);
  expectLink(processed, sent);
  expectChild(told, processed);
  expect([request, sent, processed, told].map(({ service, kind }) => [service, kind])).toEqual([
    ['ingestion', kinds.server],
    ['ingestion', kinds.producer],
    ['processor', kinds.consumer],
    ['processor', kinds.producer],
  ]);
  const elsewhere = processed.links.filter((link) => link.traceId !== traceId);
  const [batch] = (await Promise.all(elsewhere.map((link) => source.ofTrace(link.traceId))))
    .flat()
    .filter(({ name }) => name === 'project whatsapp.webhooks');
  if (batch === undefined) throw new Error('the span of the batch is not there');
  expectRoot(batch);
  expectLink(batch, sent);
  const beneath = await source.ofTrace(batch.traceId);
  expect(beneath.map(({ attributes }) => String(attributes['db.query.text'])).join()).toContain(
    'INSERT INTO messages',
  );
}

/** Publish → dispatch → Cloud API → projection in one trace, its statuses linked to the call, and the command's id on all. */
export async function checkCommandStory(
  source: TraceSource,
  commandId: string,
  publisher: Pick<TracedSpan, 'traceId' | 'spanId'>,
  statuses: number,
): Promise<void> {
  const spans = await source.ofCommand(commandId);
  const ofPublisher = spans.filter(({ traceId }) => traceId === publisher.traceId);
  const dispatched = theSpan(ofPublisher, 'process whatsapp.outbound');
  const called = theSpan(ofPublisher, 'POST messages');
  const told = theSpan(ofPublisher, 'send whatsapp.dispatches');
  const projected = theSpan(ofPublisher, 'process whatsapp.dispatches');
  expectChild(dispatched, publisher);
  expectLink(dispatched, publisher);
  expectChild(called, dispatched);
  expectChild(told, dispatched);
  expectChild(projected, told);
  expect(called).toMatchObject({
    kind: kinds.client,
    attributes: { 'http.request.method': 'POST', 'url.template': '/{version}/{phone-number-id}/messages' },
  });
  const answers = spansNamed(spans, 'process whatsapp.webhooks');
  expect(answers).toHaveLength(statuses);
  for (const answer of answers) {
    expect(answer.traceId).not.toBe(called.traceId);
    const { attributes } = expectLink(answer, called);
    expect(attributes).toEqual({ 'talaria.link': 'status_of', [conversation]: commandId });
  }
  for (const request of spansNamed(spans, 'POST /webhooks/whatsapp')) expectLink(request, called);
  for (const span of spans)
    expect([span.name, span.attributes[conversation]]).toEqual([span.name, commandId]);
}

/** Later attempts are traces of their own, and link to where the command came from and to the call before. */
export async function checkRetries(
  source: TraceSource,
  commandId: string,
  publisher: Pick<TracedSpan, 'traceId' | 'spanId'>,
): Promise<void> {
  const spans = await source.ofCommand(commandId);
  const first = theSpan(spans, 'process whatsapp.outbound');
  expectChild(first, publisher);
  const later = spansNamed(spans, 'process whatsapp.outbound.retry-30s');
  expect(later).toHaveLength(2);
  const calls = spansNamed(spans, 'POST messages');
  expect(calls.map(({ attributes }) => attributes['error.type']).sort()).toEqual([
    '130429',
    '131016',
    undefined,
  ]);
  for (const span of later) {
    expectRoot(span);
    expectLink(span, publisher);
    expect(span.attributes['talaria.replay']).toBe('retry');
  }
  const throttled = calls.find(({ attributes }) => attributes['error.type'] === '130429');
  if (throttled === undefined) throw new Error('no call was throttled');
  expect(later.filter(({ links }) => links.some(isTo(throttled)))).toHaveLength(1);
}

/** What a person lets be tried again is a trace of its own, too. */
export async function checkRedrive(
  source: TraceSource,
  commandId: string,
  publisher: Pick<TracedSpan, 'traceId' | 'spanId'>,
): Promise<void> {
  const span = theSpan(await source.ofCommand(commandId), 'process whatsapp.outbound');
  expectRoot(span);
  expectLink(span, publisher);
  expect(span.attributes['talaria.replay']).toBe('redrive');
}
