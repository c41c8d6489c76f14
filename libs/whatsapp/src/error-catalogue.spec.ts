import { classifyError, type ErrorClass } from './error-catalogue';

/** The table of docs on Meta's errors, written out: what each code means for sending. */
const table: Readonly<Record<ErrorClass, readonly number[]>> = {
  transient: [1, 2, 131000, 131016, 133004, 134101],
  'rate-number': [130429, 131057, 2494100],
  'rate-pair': [131056, 132069],
  'rate-account': [613, 80007],
  'rate-app': [4],
  recipient: [130403, 130472, 130497, 131026, 131049, 131050],
  content: [
    100, 131008, 131009, 131020, 131041, 131200, 131250, 131299, 131021, 131051, 131053, 131055, 134100,
    131062, 132000, 132001, 132005, 132007, 132008, 132012, 132018, 132015, 132016, 132068,
  ],
  window: [131047],
  auth: [0, 104, 3, 10, 131005, 190, 200, 210, 230, 299],
  config: [
    33, 368, 131030, 131031, 131037, 134011, 131042, 131044, 131045, 133010, 131048, 131063, 131064, 133000,
    133005, 133006, 133008, 133009, 133015, 133016, 134102,
  ],
};

const rows = Object.entries(table).flatMap(([errorClass, codes]) =>
  codes.map((code) => [code, errorClass] as const),
);

it.each(rows)('code %i is of class %s, whatever the HTTP status says', (code, errorClass) => {
  for (const status of [200, 400, 401, 403, 429, 500, 503])
    expect(classifyError(code, status)).toBe(errorClass);
  expect(classifyError(code, 400, true)).toBe(errorClass);
});

it.each([
  [400, false, 'content'],
  [404, false, 'content'],
  [429, false, 'transient'],
  [500, false, 'transient'],
  [503, false, 'transient'],
  [400, true, 'transient'],
])('a code that nobody knows with HTTP %i and is_transient %s is %s', (status, isTransient, errorClass) => {
  expect(classifyError(999_999, status, isTransient)).toBe(errorClass);
  expect(classifyError(undefined, status, isTransient)).toBe(errorClass);
});

it.each([199, 300, 131199, 131300, -1, 1.5])('a code beside a known range is not in it: %d', (code) => {
  expect(classifyError(code, 400)).toBe('content');
  expect(classifyError(code, 500)).toBe('transient');
});
