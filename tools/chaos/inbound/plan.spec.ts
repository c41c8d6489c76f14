import { splitNotification } from '@talaria/whatsapp';
import { type InboundItem, keyOf } from './items';
import { makeInboundPlan, SENDERS } from './plan';

const SECONDS = 30;
const plan = makeInboundPlan({ seed: 7, seconds: SECONDS });
const items = plan.flatMap((body) => body.items);
const messages = items.filter((item) => item.kind === 'message');
const statuses = items.filter((item) => item.kind === 'status');

function countBy<T>(all: readonly T[], of: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of all) counts[of(one)] = (counts[of(one)] ?? 0) + 1;
  return counts;
}

describe('the plan of inbound webhooks', () => {
  it('is the same for the same seed, another for another, and begins as a longer one', () => {
    const text = JSON.stringify(plan);
    expect(JSON.stringify(makeInboundPlan({ seed: 7, seconds: SECONDS })) === text).toBe(true);
    expect(JSON.stringify(makeInboundPlan({ seed: 8, seconds: SECONDS })) === text).toBe(false);
    const early = plan.filter(({ at }) => at < 20_000);
    const shorter = makeInboundPlan({ seed: 7, seconds: 20 });
    expect(JSON.stringify(shorter) === JSON.stringify(early)).toBe(true);
  });

  it('posts as many items a second as it is told, of one to eight in a body', () => {
    expect(items.length / SECONDS).toBeGreaterThan(55);
    expect(items.length / SECONDS).toBeLessThan(75);
    const sizes = Object.keys(countBy(plan, (body) => String(body.items.length)));
    expect(sizes.sort()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8']);
    expect(makeInboundPlan({ seed: 7, seconds: SECONDS, itemsPerSecond: 6 }).length).toBeLessThan(
      plan.length / 5,
    );
  });

  it('lists the items of each body in the order of its text, in the bytes that are in it', () => {
    const listed = plan.map((one) => one.items.map(({ json, wabaId }) => `${wabaId} ${json}`));
    const split = plan.map(({ body }) =>
      (splitNotification(Buffer.from(body)) ?? []).map(({ bytes, wabaId }) => `${wabaId} ${String(bytes)}`),
    );
    expect(split).toEqual(listed);
  });

  it('posts some bodies twice, some items in several bodies, and some bodies that are no JSON', () => {
    const bodies = new Map(plan.map((one) => [one.body, one]));
    expect(plan.length - bodies.size).toBeGreaterThan(plan.length * 0.03);
    const once = [...bodies.values()].flatMap((one) => one.items.map(keyOf));
    expect(once.length - new Set(once).size).toBeGreaterThan(25);
    const cutOff = plan.filter((one) => one.items.length === 0);
    expect(cutOff.length).toBeGreaterThan(0);
    for (const { body } of cutOff) expect(() => void JSON.parse(body)).toThrow();
  });

  it('lets one sender speak for a person, and a person write in the order of time', () => {
    const senders = new Map<number, Set<number>>();
    const clocks = new Map<number, number>();
    for (const { sender, items: some } of plan)
      for (const { person } of some)
        if (person !== undefined) senders.set(person, (senders.get(person) ?? new Set()).add(sender));
    for (const [, some] of senders) expect(some.size).toBe(1);
    expect(senders.size).toBeGreaterThan(180);
    expect(new Set(plan.map(({ sender }) => sender)).size).toBe(SENDERS);
    const byId = [...new Map(messages.map((one) => [one.wamid, one])).values()];
    const inOrder = byId.sort(
      (a, b) => Number(a.wamid.split('-').at(-1)) - Number(b.wamid.split('-').at(-1)),
    );
    for (const { person = -1, at } of inOrder) {
      expect(at).toBeGreaterThan(clocks.get(person) ?? 0);
      clocks.set(person, at);
    }
    const counts = Object.values(countBy(messages, ({ person }) => String(person)));
    expect(Math.max(...counts)).toBeGreaterThan(5 * (messages.length / counts.length));
  });

  it('holds every kind of item, and people in every guise whose names change', () => {
    expect(Object.keys(countBy(messages, ({ type }) => type)).sort()).toEqual(
      ['text', 'image', 'document', 'interactive', 'reaction', 'edit', 'revoke', 'hologram'].sort(),
    );
    expect(Object.keys(countBy(statuses, ({ status }) => status)).sort()).toEqual(
      ['delivered', 'failed', 'read', 'sent'].sort(),
    );
    const fields = items.flatMap((item) => (item.kind === 'change' ? [item.field] : []));
    expect(new Set(fields)).toContain('user_preferences');
    expect(new Set(fields).size).toBe(5);
    const guise = ({ phone, userId }: InboundItem) => `${phone !== null} ${userId !== null}`;
    expect(Object.keys(countBy(messages, guise)).sort()).toEqual(['false true', 'true false', 'true true']);
    const names = new Map(messages.map(({ person, name }) => [`${person} ${name}`, person]));
    expect(names.size).toBeGreaterThan(new Set(names.values()).size * 1.5);
    const numbers = countBy(items, ({ wabaId }) => wabaId);
    expect(Object.keys(numbers)).toHaveLength(3);
  });

  it('tells statuses in any order, some again with a later time, and lies on both sides of the end of a month', () => {
    const ranks = ['sent', 'delivered', 'read'];
    const early = statuses.filter(({ wamid, status }, index) =>
      statuses
        .slice(0, index)
        .some((one) => one.wamid === wamid && ranks.indexOf(one.status) > ranks.indexOf(status)),
    );
    expect(early.length).toBeGreaterThan(10);
    const times = new Map<string, Set<number>>();
    for (const { wamid, status, at } of statuses)
      times.set(`${wamid} ${status}`, (times.get(`${wamid} ${status}`) ?? new Set()).add(at));
    expect([...times.values()].some(({ size }) => size > 1)).toBe(true);
    const months = new Set(items.map(({ at }) => new Date(at * 1000).getUTCMonth()));
    expect(months.size).toBe(2);
  });

  it('has what reading and writing JSON would change: escapes, emoji, and numbers that a double does not hold', () => {
    const changed = items.filter(({ json }) => JSON.stringify(JSON.parse(json)) !== json);
    expect(changed.length).toBeGreaterThan(100);
    expect(items.some(({ json }) => json.includes('\\ud83d'))).toBe(true);
    expect(items.some(({ json }) => json.includes('😀'))).toBe(true);
    expect(items.some(({ json }) => /[:,]9\d{15,}[,}]/.test(json))).toBe(true);
  });
});
