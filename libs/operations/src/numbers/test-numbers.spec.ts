import { type ListedNumber } from './numbers';
import { problemsOf } from './test-numbers';

const number = {
  ...{ phoneNumberId: '2000', wabaId: '1000', displayPhoneNumber: '+1 555 010 0000', messagesPerSecond: 80 },
} as ListedNumber;
const well = { displayPhoneNumber: '1 555-010-0000', status: 'CONNECTED', qualityRating: 'GREEN' };

it('finds nothing wrong with a number that Meta shows as the registry has it', () => {
  expect(problemsOf(number, well)).toEqual([]);
  expect(problemsOf(number, {})).toEqual([]);
  expect(problemsOf({ ...number, messagesPerSecond: 20 }, { ...well, throughput: 'STANDARD' })).toEqual([]);
});

it.each([
  [
    { displayPhoneNumber: '+1 555 010 0001' },
    80,
    'Meta has another phone number',
    '`talaria numbers remove 2000`',
  ],
  [{ status: 'DISCONNECTED' }, 80, 'its status is DISCONNECTED', 'register it'],
  [{ qualityRating: 'RED' }, 80, 'its quality is RED', 'stop campaigns'],
  [{ throughput: 'HIGH' }, 80, 'Meta allows it 1000', '`talaria numbers set-rate 2000 1000`'],
  [{ throughput: 'STANDARD' }, 1000, 'Meta allows it 80', '`talaria numbers set-rate 2000 80`'],
])('%j: tells the problem and what to do', (found, messagesPerSecond, problem, remedy) => {
  expect(problemsOf({ ...number, messagesPerSecond }, { ...well, ...found })).toEqual([
    { problem: expect.stringContaining(problem), remedy: expect.stringContaining(remedy) },
  ]);
});
