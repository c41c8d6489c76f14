// The module itself is changed, which `import` does not give.
// eslint-disable-next-line @typescript-eslint/no-require-imports
import ledger = require('../../../apps/dispatcher/src/ledger/ledger');

/** Loaded into a dispatcher before its own program: every claim is given, every settlement taken, and nothing is remembered. */
const forgetful: ledger.Ledger = {
  claim: () => Promise.resolve({ kind: 'claimed', attempt: 1, attemptsBefore: 0 }),
  settle: () => Promise.resolve(1),
  release: () => Promise.resolve(),
  allowResend: () => Promise.resolve(),
  findByStatus: () => Promise.resolve(undefined),
  findDelivered: () => Promise.resolve(undefined),
};

Object.assign(ledger, { createLedger: () => forgetful });
