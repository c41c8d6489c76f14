import { propagation, type SpanContext, trace } from '@opentelemetry/api';
import { core, tracing } from '@opentelemetry/sdk-node';
import { type Job } from './job';
import { type Outlet } from './outlet';
import { inCallSpan, inTurnSpan } from './turn-span';

const exporter = new tracing.InMemorySpanExporter();

beforeAll(() => {
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(
    new tracing.BasicTracerProvider({
      sampler: new tracing.ParentBasedSampler({ root: new tracing.AlwaysOnSampler() }),
      spanProcessors: [new tracing.SimpleSpanProcessor(exporter)],
    }),
  );
});
afterEach(() => exporter.reset());
afterAll(() => {
  trace.disable();
  propagation.disable();
});

const publisher = (flags: '00' | '01') => `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${flags}`;

function jobFrom(traceparent: string): Job {
  const record = { topic: 'whatsapp.outbound', partition: 3, offset: 7, headers: { traceparent } };
  return { command: { id: 'order-42' }, record } as unknown as Job;
}

/** @returns which span Meta was told of */
async function takeTurn(job: Job): Promise<SpanContext | undefined> {
  let told: SpanContext | undefined;
  await inTurnSpan(job, {} as Outlet, () =>
    inCallSpan(job, 1, 'https://graph.facebook.com', (span) => {
      told = span;
      return Promise.resolve({ kind: 'accepted', wamid: 'w' });
    }),
  );
  return told;
}

const recorded = () => exporter.getFinishedSpans().map(({ name }) => name);

it('a turn and its call are spans of the trace that the publisher records', async () => {
  const told = await takeTurn(jobFrom(publisher('01')));
  expect(recorded()).toEqual(['POST messages', 'process whatsapp.outbound']);
  expect(told).toMatchObject({ traceId: 'a'.repeat(32) });
});

it('of a trace that is not recorded there are none, and Meta is told of none', async () => {
  const job = jobFrom(publisher('00'));
  expect(await takeTurn(job)).toBeUndefined();
  expect(recorded()).toEqual([]);
  expect(trace.getSpanContext(job.trace!)?.traceId).toBe('a'.repeat(32));
});

it.each(['00', '01'] as const)(
  'after a call the next turn is a retry, whatever was recorded (%s)',
  async (flags) => {
    const job = jobFrom(publisher(flags));
    await takeTurn(job);
    exporter.reset();
    await takeTurn(job);
    const [, turn] = exporter.getFinishedSpans();
    expect(turn?.attributes['talaria.replay']).toBe('retry');
    expect(turn?.links.map(({ context }) => context.traceId)).toEqual(['a'.repeat(32), 'a'.repeat(32)]);
  },
);
