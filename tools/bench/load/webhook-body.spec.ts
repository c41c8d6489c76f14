import { partitionOf } from '@talaria/kafka';
import { splitNotification } from '@talaria/whatsapp';
import { fillBody, makeTemplate, sequenceIn } from './webhook-body';

function bodyOf(items: number, sequence: number): Buffer {
  const template = makeTemplate(items);
  const body = Buffer.from(template.bytes);
  fillBody(body, template, sequence);
  return body;
}

describe('webhook bodies of the benchmarks', () => {
  it('are a text message of about 700 bytes', () => {
    const body = bodyOf(1, 0);
    expect(body.length).toBeGreaterThan(600);
    expect(body.length).toBeLessThan(1000);
    expect(JSON.parse(body.toString())).toMatchObject({ object: 'whatsapp_business_account' });
  });

  it('carry as many items as were asked for, whose numbers are found again in the records made of them', () => {
    const items = splitNotification(bodyOf(10, 70))!;
    expect(items.map(({ envelope }) => sequenceIn(Buffer.from(envelope)))).toEqual(
      Array.from({ length: 10 }, (_, index) => 70 + index),
    );
  });

  it('name the sender in the contact and in the message, another one in each item', () => {
    const items = splitNotification(bodyOf(10, 70))!;
    expect(new Set(items.map(({ phone }) => phone)).size).toBe(10);
    for (const { envelope, phone } of items) expect(envelope.toString().split(phone!)).toHaveLength(5);
  });

  it('use all twelve partitions, about evenly', () => {
    const counts = new Map<number, number>();
    for (let sequence = 0; sequence < 10_000; sequence++) {
      const [item] = splitNotification(bodyOf(1, sequence))!;
      const partition = partitionOf(item!.phone!, 12);
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }
    expect(counts.size).toBe(12);
    expect(Math.min(...counts.values())).toBeGreaterThan(600);
  });

  it('have no number when they are something else', () => {
    expect(sequenceIn(Buffer.from('{}'))).toBeUndefined();
  });
});
