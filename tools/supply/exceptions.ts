import { type Exception } from './audit';

/** Advisories that we ship with for now. Each says why that is no danger here, and until when somebody has to look again. */
export const exceptions: readonly Exception[] = [];
