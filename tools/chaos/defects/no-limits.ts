// The module itself is changed, which `import` does not give.
// eslint-disable-next-line @typescript-eslint/no-require-imports
import limits = require('../../../apps/dispatcher/src/lanes/number-limit');
import { perSecond } from '@talaria/rate-limit';

/** Loaded into a dispatcher before its own program: every number may send a thousand a second, and as many at once. */
Object.assign(limits, { numberLimit: () => perSecond(1000, 1000) });
