import { createHash } from 'node:crypto';
import { topics } from '@talaria/contracts';
import { bodyOf, factOf, recordOf } from './records';

const at = new Date('2026-11-24T10:00:00Z');
const indexes = Array.from({ length: 30_000 }, (_, index) => index);

describe('the records of the benchmark', () => {
  it('tell each fact once', () => {
    const facts = indexes.map((index) => JSON.stringify(factOf(index)));
    expect(new Set(facts).size).toBe(facts.length);
  });

  it('are four tenths messages', () => {
    expect(indexes.filter((index) => factOf(index).status === undefined)).toHaveLength(12_000);
  });

  it('tell of one outbound message that it was sent, delivered and read, with the same person', () => {
    const told = new Map<string, string[]>();
    for (const index of indexes) {
      const { wamid, status } = factOf(index);
      if (status !== undefined) told.set(wamid, [...(told.get(wamid) ?? []), status]);
    }
    expect([...told.values()]).toContainEqual(['sent', 'delivered', 'read']);
  });

  it('are what ingestion writes: the body in one piece, keyed by the phone', () => {
    const body = bodyOf(7, at);
    expect(recordOf(7, at)).toMatchObject({
      topic: topics.webhooks.name,
      key: expect.stringMatching(/^155501\d{5}$/) as unknown,
      value: body,
      headers: {
        'x-body-sha256': createHash('sha256').update(body).digest('hex'),
        'x-received-at': at.toISOString(),
      },
    });
  });
});
