import { type MessageForm, noRows, type Rows } from '../webhooks/rows';
import { countInbound, ratesOf } from './inbound-counts';

const NOW = 1_800_000_000_000;

function received(phoneNumberId: string, fields: Partial<MessageForm> = {}): Rows {
  const form = {
    phoneNumberId,
    direction: 'inbound',
    arrivedAt: new Date(NOW - 100),
    ...fields,
  } as MessageForm;
  return { ...noRows, forms: [form] };
}

it('counts what a number received just now, and neither what it sent nor what came long ago', () => {
  const counts = new Map<string, number>();
  countInbound(counts, [received('100'), received('200'), received('100')], NOW);
  const late = { arrivedAt: new Date(NOW - 10_000) };
  countInbound(counts, [received('100', { direction: 'outbound' }), received('100', late), noRows], NOW);
  expect([...counts]).toEqual([
    ['100', 2],
    ['200', 1],
  ]);
});

it('tells rates by the second, and of a number that has fallen silent once that it has', () => {
  expect([...ratesOf(new Map([['100', 30]]), ['100', '200'], 1500)]).toEqual([
    ['100', 20],
    ['200', 0],
  ]);
  expect(ratesOf(new Map(), [], 1000).size).toBe(0);
});
