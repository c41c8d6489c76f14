import { trace } from '@opentelemetry/api';
import { type tracing } from '@opentelemetry/sdk-node';
import { CONVERSATION } from './spans';

/** What is done for a command bears its id, down to the statement in the database: a span takes over what the one around it has. */
export const inheritConversation: tracing.SpanProcessor = {
  onStart(span, parentContext) {
    const around = trace.getSpan(parentContext) as Partial<tracing.ReadableSpan> | undefined;
    const id = around?.attributes?.[CONVERSATION];
    if (id !== undefined && span.attributes[CONVERSATION] === undefined) span.setAttribute(CONVERSATION, id);
  },
  onEnd: () => undefined,
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};
