// Likewise, for a program that hands contexts on itself.
import { startTracingOrExit } from './start-or-exit';

startTracingOrExit({ lastingContexts: false });
