import { type Context, type Link, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { tracing } from '@opentelemetry/sdk-node';
import { samplerOf } from './sampler';

const span = (traceFlags: number) => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags });
const under = (traceFlags: number) => trace.setSpanContext(ROOT_CONTEXT, span(traceFlags));
const linksTo = (...flags: number[]): Link[] => flags.map((one) => ({ context: span(one) }));
const decides = (name: string, arg: string, within: Context, links: Link[] = [], traceId = 'c'.repeat(32)) =>
  samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg }).shouldSample(
    within,
    traceId,
    'process',
    SpanKind.CONSUMER,
    {},
    links,
  ).decision === tracing.SamplingDecision.RECORD_AND_SAMPLED;

describe('a trace is sampled', () => {
  it.each(['parentbased_traceidratio', 'traceidratio'])('with %s as its parent is', (name) => {
    expect(decides(name, '0', under(1), linksTo(0))).toBe(true);
    expect(decides(name, '1', under(0), linksTo(1))).toBe(false);
  });

  it('without a parent when any that it links to is', () => {
    expect(decides('parentbased_traceidratio', '0', ROOT_CONTEXT, linksTo(0, 0, 1))).toBe(true);
    expect(decides('parentbased_always_off', '', ROOT_CONTEXT, linksTo(1))).toBe(true);
  });

  it('otherwise so often as was asked for', () => {
    expect(decides('parentbased_traceidratio', '0', ROOT_CONTEXT, linksTo(0))).toBe(false);
    expect(decides('parentbased_traceidratio', '1', ROOT_CONTEXT, linksTo(0))).toBe(true);
    const ids = Array.from({ length: 1000 }, (_, n) =>
      (n * 4_294_967).toString(16).padStart(8, '0').padEnd(32, '0'),
    );
    const sampled = ids.filter((id) => decides('parentbased_traceidratio', '0.1', ROOT_CONTEXT, [], id));
    expect(sampled).toHaveLength(100);
  });

  it('never, or always, when that is asked for', () => {
    expect(decides('always_off', '', under(1), linksTo(1))).toBe(false);
    expect(decides('always_on', '', under(0))).toBe(true);
  });

  it('always, when nothing is asked for', () => {
    expect(decides('', '', ROOT_CONTEXT)).toBe(true);
    expect(decides('parentbased_traceidratio', '', ROOT_CONTEXT)).toBe(true);
  });
});

it.each([
  ['sometimes', '', 'OTEL_TRACES_SAMPLER must be one of parentbased_always_on,'],
  ['toString', '', 'OTEL_TRACES_SAMPLER must be one of'],
  ['traceidratio', '10%', 'OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, like 0.1'],
  ['traceidratio', '10', 'OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, like 0.1'],
])('what is no sampler is told: %s %s', (name, arg, message) => {
  expect(() => samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg })).toThrow(message);
});
