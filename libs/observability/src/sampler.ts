import { ConfigurationError } from '@talaria/config';
import { type Context, isSpanContextValid, type Link, trace, TraceFlags } from '@opentelemetry/api';
import { tracing } from '@opentelemetry/sdk-node';

const { AlwaysOffSampler, AlwaysOnSampler, SamplingDecision, TraceIdRatioBasedSampler } = tracing;

const RECORD = { decision: SamplingDecision.RECORD_AND_SAMPLED };
const DROP = { decision: SamplingDecision.NOT_RECORD };

const isSampled = ({ traceFlags }: Link['context']) => (traceFlags & TraceFlags.SAMPLED) !== 0;

/**
 * What a story is made of is recorded together: a span goes with its parent; one without a parent is recorded when any span that it links
 * to is, and otherwise as `root` decides.
 */
export function followLinks(root: tracing.Sampler): tracing.Sampler {
  return {
    shouldSample(context: Context, traceId, name, kind, attributes, links) {
      const parent = trace.getSpanContext(context);
      if (parent !== undefined && isSpanContextValid(parent)) return isSampled(parent) ? RECORD : DROP;
      for (const link of links) if (isSampled(link.context)) return RECORD;
      return root.shouldSample(context, traceId, name, kind, attributes, links);
    },
    toString: () => `FollowLinks{${root.toString()}}`,
  };
}

const SAMPLERS: Readonly<Record<string, (ratio: () => number) => tracing.Sampler>> = {
  parentbased_always_on: () => followLinks(new AlwaysOnSampler()),
  parentbased_always_off: () => followLinks(new AlwaysOffSampler()),
  parentbased_traceidratio: (ratio) => followLinks(new TraceIdRatioBasedSampler(ratio())),
  traceidratio: (ratio) => followLinks(new TraceIdRatioBasedSampler(ratio())),
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
};

/**
 * The sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG ask for; all that know a ratio or a parent follow links.
 * @throws {ConfigurationError}
 */
export function samplerOf(env: NodeJS.ProcessEnv): tracing.Sampler {
  const asked = env.OTEL_TRACES_SAMPLER?.trim() ?? '';
  const name = asked === '' ? 'parentbased_always_on' : asked;
  const make = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined;
  if (make === undefined)
    throw new ConfigurationError({
      OTEL_TRACES_SAMPLER: `must be one of ${Object.keys(SAMPLERS).join(', ')}`,
    });
  return make(() => ratioOf(env.OTEL_TRACES_SAMPLER_ARG));
}

/** As OpenTelemetry has it, all are sampled when it is not set. */
function ratioOf(text = ''): number {
  const ratio = text.trim() === '' ? 1 : Number(text);
  if (!(ratio >= 0 && ratio <= 1))
    throw new ConfigurationError({ OTEL_TRACES_SAMPLER_ARG: 'must be a number from 0 to 1, like 0.1' });
  return ratio;
}
