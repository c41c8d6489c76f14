import { type SendResult } from '@talaria/whatsapp';
import { type Circumstances, decide } from './decide';

const circumstances: Circumstances = {
  attempts: 1,
  strikes: {},
  retry: { schedule: [1000, 2000], jitterPercent: 25 },
  unavailable: { schedule: [4000, 16_000, 64_000], jitterPercent: 25 },
  maxDelayMs: 86_400_000,
  parkMs: 60_000,
  random: 0,
};

function refusedWith(code: number, fields: { httpStatus?: number; retryAfterMs?: number } = {}): SendResult {
  const { httpStatus = 400, ...rest } = fields;
  return { kind: 'refused', httpStatus, error: { code, title: 'why' }, ...rest };
}

const decideOn = (result: SendResult, fields: Partial<Circumstances> = {}) =>
  decide(result, { ...circumstances, ...fields });

it("takes Meta's word for an acceptance", () => {
  expect(decideOn({ kind: 'accepted', wamid: 'w', waId: '1' })).toEqual({
    kind: 'accepted',
    wamid: 'w',
    waId: '1',
  });
});

it('never sends again by itself what perhaps was sent', () => {
  const error = { class: 'ambiguous', message: 'ECONNRESET' };
  expect(decideOn({ kind: 'unknown', reason: 'ECONNRESET' })).toEqual({ kind: 'unknown', error });
});

it('tries again what certainly was not sent', () => {
  expect(decideOn({ kind: 'not-sent', reason: 'ECONNREFUSED' })).toMatchObject({
    kind: 'retry',
    delayMs: 1000,
  });
});

it.each([
  ['transient', 131016, { kind: 'retry', delayMs: 1000 }],
  ['rate-number', 130429, { kind: 'wait', pause: 'number', delayMs: 1000 }],
  ['rate-pair', 131056, { kind: 'wait', pause: 'pair', delayMs: 1000 }],
  ['rate-account', 80007, { kind: 'wait', pause: 'account', delayMs: 300_000 }],
  ['rate-app', 4, { kind: 'wait', pause: 'app', delayMs: 300_000 }],
  ['auth', 190, { kind: 'wait', pause: 'parked', delayMs: 60_000 }],
  ['config', 133010, { kind: 'wait', pause: 'parked', delayMs: 60_000 }],
  ['recipient', 131026, { kind: 'dead-letter', cause: 'permanent' }],
  ['content', 132000, { kind: 'dead-letter', cause: 'permanent' }],
  ['window', 131047, { kind: 'dead-letter', cause: 'permanent' }],
])('class %s', (errorClass, code, expected) => {
  expect(decideOn(refusedWith(code))).toEqual({
    ...expected,
    error: { code, class: errorClass, message: 'why' },
  });
});

it.each([
  [1, 1000],
  [2, 2000],
  [3, undefined],
])('attempt %i of a schedule of two delays', (attempts, delayMs) => {
  const error = { code: 131016, class: 'transient', message: 'why' };
  expect(decideOn(refusedWith(131016), { attempts })).toEqual(
    delayMs === undefined
      ? { kind: 'dead-letter', cause: 'exhausted', error }
      : { kind: 'retry', delayMs, error },
  );
});

it.each([0, 1, 2, 3, 4])('a pair that was limited %i times waits 4 to that power seconds', (pair) => {
  expect(decideOn(refusedWith(131056), { strikes: { pair } })).toMatchObject({
    kind: 'wait',
    delayMs: 1000 * 4 ** pair,
  });
});

it('a pair that was limited five times is given up; other throttling does not count towards that', () => {
  expect(decideOn(refusedWith(131056), { strikes: { pair: 5 } })).toMatchObject({
    kind: 'dead-letter',
    cause: 'exhausted',
  });
  expect(decideOn(refusedWith(131056), { strikes: { number: 50, parked: 50, account: 50 } })).toMatchObject({
    kind: 'wait',
  });
});

it.each([
  [0, 1000],
  [3, 8000],
  [6, 60_000],
  [5000, 60_000],
])('a number that was throttled %i times rests %i ms', (number, delayMs) => {
  expect(decideOn(refusedWith(130429), { strikes: { number } })).toMatchObject({ delayMs });
});

it.each([
  [0, 300_000],
  [1, 600_000],
  [4, 3_600_000],
  [5000, 3_600_000],
])(
  'an account or app that was throttled %i times without being told for how long rests %i ms',
  (times, delayMs) => {
    expect(decideOn(refusedWith(80007), { strikes: { account: times } })).toMatchObject({ delayMs });
    expect(decideOn(refusedWith(4), { strikes: { app: times } })).toMatchObject({ delayMs });
  },
);

it.each([
  ['longer than the schedule', 131016, 9000, 9000],
  ['shorter than the schedule', 131016, 10, 1000],
  ['for a number', 130429, 7000, 7000],
  ['for a pair', 131056, 7000, 7000],
  ['for an account', 80007, 7000, 7000],
  ['for an app', 4, 7000, 7000],
  ['of nothing, which must not become a loop', 130429, 0, 1000],
])('Retry-After %s', (_title, code, retryAfterMs, delayMs) => {
  expect(decideOn(refusedWith(code, { retryAfterMs }))).toMatchObject({ delayMs });
});

it.each([
  ['of the whole account', 131042, { kind: 'wait', pause: 'parked', isOfAccount: true }],
  ['that makes it worse to come back soon', 131048, { kind: 'wait', pause: 'parked', delayMs: 3_600_000 }],
  ['of a number that is being moved', 131057, { kind: 'wait', pause: 'number', delayMs: 60_000 }],
  ['of one message alone', 134101, { kind: 'retry', delayMs: 600_000, isOfMessage: true }],
])('an error %s', (_title, code, expected) => {
  expect(decideOn(refusedWith(code))).toMatchObject(expected);
});

it.each([
  ['that is often a malformed request, twice', 1, 2],
  ['that nobody knows, three times', 999_999, 3],
])('tries again after an error %s', (_title, code, tries) => {
  const retry = { schedule: Array<number>(9).fill(1000), jitterPercent: 0 };
  const kinds = Array.from({ length: tries }, (_, made) => {
    const result = refusedWith(code, { httpStatus: 500 });
    return decideOn(result, { attempts: made + 1, retry }).kind;
  });
  expect(kinds).toEqual([...Array<string>(tries - 1).fill('retry'), 'dead-letter']);
});

it('comes back later, and more slowly, to a provider that is overloaded', () => {
  const delays = [1, 2, 3].map((attempts) =>
    decideOn(refusedWith(131016, { httpStatus: 503 }), { attempts }),
  );
  expect(delays).toMatchObject([{ delayMs: 4000 }, { delayMs: 16_000 }, { delayMs: 64_000 }]);
});

it.each([131016, 130429, 131056, 80007, 4, 190])(
  'never waits longer than allowed, whatever Meta asks for (%i)',
  (code) => {
    const result = refusedWith(code, { retryAfterMs: 90_000_000 });
    expect(decideOn(result, { maxDelayMs: 5000 })).toMatchObject({ delayMs: 5000 });
  },
);
