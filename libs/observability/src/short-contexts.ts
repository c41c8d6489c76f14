import { type Context, type ContextManager, ROOT_CONTEXT } from '@opentelemetry/api';

/**
 * A context is the active one until the function that was given it returns, or first waits: who goes on after that hands it on. What
 * remembers it for longer, in Node 20, makes every promise of a process dearer.
 */
export function shortContexts(): ContextManager {
  let current: Context = ROOT_CONTEXT;
  const manager: ContextManager = {
    active: () => current,
    with(context, work, thisArg, ...args) {
      const before = current;
      current = context;
      try {
        return work.apply(thisArg as never, args);
      } finally {
        current = before;
      }
    },
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}
