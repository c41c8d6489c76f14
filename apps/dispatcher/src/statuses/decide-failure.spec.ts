import { errorCatalogue } from '@talaria/whatsapp';
import { type Outcome } from '../ledger/ledger';
import { decideFailure, type FailedRow } from './decide-failure';
import { type FailedStatus } from './failed-status';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const status: FailedStatus = {
  ...{ wabaId: '900', phoneNumberId: '100', commandId: 'c', attempt: 1, wamid: 'wamid.1' },
  ...{ code: 131016, title: 'why' },
};
const accepted: Outcome = { state: 'accepted', at: '', wamid: 'wamid.1' };
const circumstances = {
  now: NOW,
  retry: { schedule: [1000, 2000, 3000], jitterPercent: 25 },
  claimLivesMs: 1000,
  random: 0.5,
};

const decide = (
  row: Partial<FailedRow> = {},
  fields: Partial<FailedStatus> = {},
  attempts = fields.attempt ?? 1,
) =>
  decideFailure(
    { ...status, ...fields },
    { state: 'accepted', attempts, claimedMsAgo: 0, outcome: accepted, ...row },
    circumstances,
  );

describe('a failed status', () => {
  it('of an accepted message leads to the next attempt after the delay of so many attempts, lengthened by chance', () => {
    const error = { code: 131016, class: 'transient', message: 'why' };
    expect(decide()).toEqual({
      kind: 'settle',
      outcome: {
        ...{ state: 'retrying', at: '2026-01-01T00:00:00.000Z', wamid: 'wamid.1', error },
        nextAttemptAt: '2026-01-01T00:00:01.125Z',
      },
    });
    expect(decide({}, { attempt: 3 })).toMatchObject({
      outcome: { nextAttemptAt: '2026-01-01T00:00:03.375Z' },
    });
  });

  it('when the attempts are used up, ends it as exhausted', () => {
    expect(decide({}, { attempt: 4 })).toMatchObject({
      kind: 'settle',
      outcome: { state: 'dead-lettered', cause: 'exhausted', wamid: 'wamid.1' },
    });
  });

  it.each(Object.entries(errorCatalogue).map(([code, row]) => ({ code: Number(code), ...row })))(
    'with code $code ($class) is tried again or final as the catalogue says',
    ({ code, class: errorClass, asyncTries = 4 }) => {
      const passes = errorClass === 'transient' || errorClass.startsWith('rate-');
      expect(decide({}, { code })).toMatchObject({
        outcome: { state: passes ? 'retrying' : 'failed', error: { code, class: errorClass } },
      });
      if (!passes) return;
      expect(decide({}, { code, attempt: asyncTries - 1 })).toMatchObject({ outcome: { state: 'retrying' } });
      expect(decide({}, { code, attempt: asyncTries })).toMatchObject({
        outcome: { state: 'dead-lettered', cause: 'exhausted' },
      });
    },
  );

  it.each([
    { code: 131048, why: 'retrying makes it worse' },
    { code: 131049, why: 'Meta withholds it from this person' },
    { code: 999_999, why: 'nobody knows the code' },
    { code: undefined, why: 'there is no code' },
  ])('is final when $why', ({ code }) => {
    expect(decide({}, { code })).toMatchObject({ outcome: { state: 'failed' } });
  });

  it('of which the answer is not recorded yet waits for it, but not for one that nobody will record', () => {
    const claimed = { state: 'claimed', outcome: null } as const;
    expect(decide({ ...claimed, claimedMsAgo: 999 })).toEqual({ kind: 'wait' });
    expect(decide({ ...claimed, claimedMsAgo: 1000 })).toMatchObject({ outcome: { state: 'retrying' } });
  });

  it('brings the answer that was lost', () => {
    expect(decide({ state: 'unknown', outcome: { state: 'unknown', at: '' } })).toMatchObject({
      outcome: { state: 'retrying', wamid: 'wamid.1' },
    });
  });

  it.each<[string, Partial<FailedRow>, Partial<FailedStatus>?]>([
    ['the command has moved on to another attempt', { attempts: 2, state: 'claimed' }],
    ['the attempt was not spent: its call was throttled', { attempts: 0, state: 'retrying' }],
    ['the call was refused', { state: 'retrying', outcome: { state: 'retrying', at: '' } }],
    [
      'the call was refused for good',
      { state: 'dead-lettered', outcome: { state: 'dead-lettered', at: '' } },
    ],
    ['the command was cancelled', { state: 'cancelled', outcome: { state: 'cancelled', at: '' } }],
    ['it is another message that was accepted', {}, { wamid: 'wamid.0' }],
  ])('counts for nothing when %s', (_, row, fields = {}) => {
    expect(decide(row, fields, row.attempts)).toEqual({ kind: 'counted' });
  });

  it.each(['retrying', 'failed', 'dead-lettered'] as const)('that made it %s is the same again', (state) => {
    const outcome = { state, at: '', wamid: 'wamid.1' };
    expect(decide({ state, outcome })).toEqual({ kind: 'repeat', outcome });
  });
});
