import { inboundKinds } from './inbound/check';
import { kinds as outboundKinds } from './outbound/check';
import { type ChaosReport, isBroken, toText } from './report';

const nothingIn = <Kind extends string>(kinds: readonly Kind[]) =>
  Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<Kind, readonly string[]>;

const kept = {
  ...{ seed: 7, seconds: 60, defect: undefined, settledAfterMs: 1000 },
  inbound: nothingIn(inboundKinds),
  outbound: nothingIn(outboundKinds),
  counts: { webhooks: 3, items: 9, acknowledged: 3, commands: 2, messages: 2, faults: 1 },
  ...{ deadLetters: {}, recoveries: [], ended: [], failures: [] },
} satisfies ChaosReport;

it('says that every promise was kept where nobody found anything', () => {
  expect(isBroken(kept)).toBe(false);
  expect(toText(kept)).toMatch(/Every promise was kept\.$/);
});

describe('a promise is broken, and what was found is told, where', () => {
  const found = ['what was found'];
  const cases: (readonly [string, ChaosReport, string])[] = [
    ...inboundKinds.map(
      (kind) =>
        [`webhooks: ${kind}`, { ...kept, inbound: { ...kept.inbound, [kind]: found } }, found[0]!] as const,
    ),
    ...outboundKinds.map(
      (kind) =>
        [`commands: ${kind}`, { ...kept, outbound: { ...kept.outbound, [kind]: found } }, found[0]!] as const,
    ),
    ['a process ended by itself', { ...kept, ended: found }, found[0]!],
    ['a fault could not be made', { ...kept, failures: found }, found[0]!],
    ['something still moved', { ...kept, settledAfterMs: undefined }, 'still moving at the end: something'],
    [
      'a webhook was never acknowledged',
      { ...kept, counts: { ...kept.counts, acknowledged: 2 } },
      'webhooks never acknowledged: 1',
    ],
  ];
  it.each(cases)('%s', (_, report, told) => {
    expect(isBroken(report)).toBe(true);
    expect(toText(report)).toContain(told);
    expect(toText(report)).toMatch(/Promises were broken\.$/);
  });
});

it('tells a way that stayed closed from one to which nothing was offered', () => {
  const byWay = {
    told: { times: 2, median: 200, most: undefined },
    sent: { times: 0, median: undefined, most: undefined },
  };
  const text = toText({ ...kept, recoveries: [{ kind: 'killed', times: 2, byWay }] });
  expect(text).toMatch(/^killed +2 +0\.2, never +–$/m);
});
