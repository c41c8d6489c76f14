// The module itself is changed, which `import` does not give.
// eslint-disable-next-line @typescript-eslint/no-require-imports
import dispatching = require('../../../apps/dispatcher/src/dispatch/dispatcher');
import { type Job } from '../../../apps/dispatcher/src/dispatch/job';

/** Loaded into a dispatcher before its own program: no command is ever somebody else's. */
const { createDispatcher } = dispatching;
const nobodyElse = { get: () => () => true, set: () => undefined };
const neverLost = { get: () => new AbortController().signal, set: () => undefined };

Object.assign(dispatching, {
  createDispatcher(...args: Parameters<typeof createDispatcher>) {
    const dispatcher = createDispatcher(...args);
    return Object.assign(Object.create(dispatcher) as typeof dispatcher, {
      add: (job: Job) =>
        dispatcher.add(Object.defineProperties(job, { isOurs: nobodyElse, lost: neverLost })),
    });
  },
});
