// Imported first by every main.ts: a library can only be traced when it is loaded after this.
import { startTracing } from './tracing-sdk';

startTracing(process.env);
