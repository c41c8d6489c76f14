// Likewise, for a program that hands contexts on itself.
import { startTracingOrExit } from './start-tracing';

startTracingOrExit({ lastingContexts: false });
