import { caseOf } from '../bench-case';
import { compareWithBare } from './ceiling';
import { compareWithoutLedger } from './certainty';
import { measureLatency } from './latency';
import { measureNeighbour } from './neighbour';
import { measureParked } from './parked';
import { measurePaused } from './paused';
import { measureRates } from './rates';

/** How fast commands become messages at Meta within its limits, and what the numbers feel of each other. */
export const dispatcher = caseOf(
  'commands sent to a stand-in for Meta: permitted rates, the ceiling without limits, neighbours, pauses, backlogs, latency',
  {
    rates: measureRates,
    ceiling: compareWithBare,
    certainty: compareWithoutLedger,
    neighbour: measureNeighbour,
    paused: measurePaused,
    parked: measureParked,
    latency: measureLatency,
  },
);
