// Imported first by a main.ts: a library can only be traced when it is loaded after this.
import { startTracingOrExit } from './start-tracing';

startTracingOrExit();
