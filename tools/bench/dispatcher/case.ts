import { caseOf } from '../bench-case';
import { compareWithBare } from './ceiling';
import { compareWithoutLedger } from './certainty';
import { compareKilled } from './killed';
import { measureLatency } from './latency';
import { measureNeighbour } from './neighbour';
import { measureParked } from './parked';
import { measurePaused } from './paused';
import { measureRates } from './rates';

/** How fast commands become messages at Meta within its limits, and what the numbers feel of each other. */
export const dispatcher = caseOf(
  'commands sent to a stand-in for Meta: permitted rates, the ceiling without limits, a kill in the middle, neighbours, pauses, backlogs, latency',
  {
    rates: measureRates,
    ceiling: compareWithBare,
    certainty: compareWithoutLedger,
    killed: compareKilled,
    neighbour: measureNeighbour,
    paused: measurePaused,
    parked: measureParked,
    latency: measureLatency,
  },
);
