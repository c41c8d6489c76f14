import { findCallbackData } from '@talaria/contracts';
import { CONVERSATION, isTracing, linkToCall, markFailed, publicContext } from '@talaria/observability';
import { type Context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { type Delivery } from './to-records';

const tracer = trace.getTracer('talaria');

/**
 * Runs what is done with a signed webhook in its SERVER span, which is the root of its trace: a stranger's traceparent must not decide what we
 * trace. A webhook that brings statuses links to the calls that they tell of, so that what a sampled one leads to is sampled as well. The context
 * is handed on by hand: to keep it as the active one costs Node 20 more than all else here.
 */
export async function inWebhookSpan<T>(delivery: Delivery, work: (trace: Context) => Promise<T>): Promise<T> {
  if (!isTracing()) return work(publicContext);
  const span = startWebhookSpan(delivery);
  try {
    const result = await work(trace.setSpan(publicContext, span));
    span.setAttribute('http.response.status_code', 200);
    return result;
  } catch (error) {
    markFailed(span, error);
    span.setAttribute('http.response.status_code', 503);
    throw error;
  } finally {
    span.end();
  }
}

function startWebhookSpan({ deliveryId, appId = '', body }: Delivery): Span {
  const told = findCallbackData(body);
  const [only] = told;
  const attributes = {
    'http.request.method': 'POST',
    'http.route': '/webhooks/whatsapp',
    'talaria.delivery_id': deliveryId,
    ...(appId !== '' && { 'talaria.app_id': appId }),
    ...(only !== undefined && told.length === 1 && { [CONVERSATION]: only.commandId }),
  };
  const links = told.flatMap(({ commandId, span }) =>
    span === undefined ? [] : [linkToCall(commandId, span)],
  );
  const options = { kind: SpanKind.SERVER, attributes, links };
  return tracer.startSpan('POST /webhooks/whatsapp', options, publicContext);
}
