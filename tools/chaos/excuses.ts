import { type Fault } from './nemesis/nemesis';
import { type Span } from './span';

/**
 * While a dispatcher was gone, or cut off, with calls of which nobody knows how they ended. An orderly end waits for those under way, and for
 * the database and the brokers no longer than Kubernetes lets it: an answer that cannot be recorded is none.
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
        return step.from.startsWith('dispatcher') ? [fault] : [];
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
