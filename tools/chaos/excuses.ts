import { type Fault } from './nemesis/nemesis';
import { type Span } from './span';

/** For how long a client of HTTP keeps a connection on which nothing is under way. */
const KEPT_ALIVE_MS = 30_000;

/**
 * While a dispatcher was gone, or cut off, with calls of which nobody knows how they ended. An orderly end waits for those under way, and for
 * the database and the brokers no longer than Kubernetes lets it: an answer that cannot be recorded is none. A connection to Meta that was
 * half-open stays dead: a call that is made on it later, before it is found to be, vanishes too.
 */
export function deathsOf(faults: readonly Fault[]): readonly Span[] {
  const away = faults.filter(
    ({ step: { kind } }) => /^(postgres|brokers?)-/.test(kind) || kind === 'ledger-locked',
  );
  return faults.flatMap((fault): readonly Span[] => {
    const { step } = fault;
    switch (step.kind) {
      case 'killed':
      case 'frozen':
        return step.process.startsWith('dispatcher') ? [fault] : [];
      case 'network':
        if (!step.from.startsWith('dispatcher')) return [];
        return step.to === 'simulator' && step.fault.kind === 'half-open'
          ? [{ from: fault.from, until: fault.until + KEPT_ALIVE_MS }]
          : [fault];
      case 'stopped':
        return step.process.startsWith('dispatcher') ? overlaps(fault, away) : [];
      case 'scaled-up':
        return step.app === 'dispatcher' ? overlaps(fault, away) : [];
      case 'rolled':
        return overlaps(fault, away);
      default:
        return [];
    }
  });
}

/** While a way to an ingestion was hurt. */
export function heldOf(faults: readonly Fault[]): readonly Span[] {
  return faults.filter(({ step }) => step.kind === 'network' && step.from === 'door');
}

function overlaps(one: Span, others: readonly Span[]): Span[] {
  return others
    .map(({ from, until }) => ({ from: Math.max(from, one.from), until: Math.min(until, one.until) }))
    .filter(({ from, until }) => from <= until);
}
