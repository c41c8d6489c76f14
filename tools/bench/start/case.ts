import { caseOf } from '../bench-case';
import { measureCold } from './cold';
import { measureLoaded } from './loaded';

/** What an app takes to start, to be there, and to work. How soon a lag is made up for is told by `projection`'s part `lag`. */
export const start = caseOf('each app: from start to ready, memory at rest, memory at full load', {
  cold: measureCold,
  loaded: measureLoaded,
});
