import { until } from '../../testing/until';
import { steadyClock } from '../clock';
import { seeded } from '../random';
import { acknowledgedItem, notificationOf, type Update } from './notification';
import { WebhookCourier } from './webhook-courier';
import { CALM_WEBHOOKS, WebhookQueue, type Follower, type WebhookSettings } from './webhook-queue';

const sender = (phoneNumberId: string, wabaId = '900') => ({
  wabaId,
  phoneNumberId,
  displayPhoneNumber: '+1 555',
});
const aMessage = (id: string, from = sender('100')): Update => ({
  sender: from,
  at: steadyClock(),
  content: { kind: 'message', message: { id, type: 'text' }, contact: { wa_id: '1' } },
});
const aStatus = (id: string, from = sender('100')): Update => ({
  sender: from,
  at: steadyClock(),
  content: { kind: 'status', status: { id, status: 'sent' } },
});
const aChange = (wabaId: string): Update => ({
  sender: sender('100', wabaId),
  at: steadyClock(),
  content: { kind: 'change', field: 'account_update', value: { event: 'X' }, time: 1_700_000_000 },
});

describe('notificationOf', () => {
  it('puts several numbers and WABAs into one body, each update under its own', () => {
    const updates = [
      aMessage('a'),
      aStatus('b'),
      aMessage('c', sender('200')),
      aChange('901'),
      aMessage('d'),
    ];
    expect(notificationOf(updates)).toMatchObject({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '900',
          changes: [
            {
              field: 'messages',
              value: {
                metadata: { phone_number_id: '100', display_phone_number: '+1 555' },
                messages: [{ id: 'a' }, { id: 'd' }],
                statuses: [{ id: 'b' }],
              },
            },
            { value: { metadata: { phone_number_id: '200' }, messages: [{ id: 'c' }] } },
          ],
        },
        { id: '901', time: 1_700_000_000, changes: [{ field: 'account_update', value: { event: 'X' } }] },
      ],
    });
  });

  it('leaves out what there is none of', () => {
    expect(notificationOf([aStatus('b')]).entry[0]?.changes[0]?.value).not.toHaveProperty('messages');
  });
});

describe('acknowledgedItem', () => {
  it('names a change by field, time and content', () => {
    expect(acknowledgedItem(aChange('900')).id).toMatch(/^account_update:1700000000:[0-9a-f]{16}$/);
  });
});

describe('WebhookQueue', () => {
  const bodies: string[] = [];
  let queue: WebhookQueue;

  const start = (settings: Partial<WebhookSettings>) => {
    bodies.length = 0;
    const post = (body: string) => {
      bodies.push(body);
      return Promise.resolve(200);
    };
    const courier = new WebhookCourier(post, 4, steadyClock, seeded(1));
    queue = new WebhookQueue(courier, () => 'signature', steadyClock, seeded(2));
    queue.settings = { ...CALM_WEBHOOKS, ...settings };
  };
  const following = (): Follower & { ids: string[] } => {
    const ids: string[] = [];
    return {
      ids,
      acknowledged: (updates) => ids.push(...updates.map((update) => acknowledgedItem(update).id)),
      failed: () => undefined,
    };
  };
  const idsIn = (body: string) => [...body.matchAll(/"id":"(m\d+)"/g)].map(([, id]) => id);

  afterEach(() => queue.clear());

  it('fills bodies up to the batch size, and does not wait for ever for the last', async () => {
    start({ batch: 10 });
    const follower = following();
    for (let index = 0; index < 25; index += 1) queue.add(aMessage(`m${index}`), follower);
    await until('all updates', () => follower.ids.length === 25);
    expect(bodies.map((body) => idsIn(body).length)).toEqual([10, 10, 5]);
    expect(queue.waiting).toBe(0);
  });

  it('tells each follower of its own updates only', async () => {
    start({ batch: 10 });
    const [one, other] = [following(), following()];
    queue.add(aMessage('m1'), one);
    queue.add(aMessage('m2'), other);
    await until('both', () => one.ids.length + other.ids.length === 2);
    expect([one.ids, other.ids]).toEqual([['m1'], ['m2']]);
    expect(bodies).toHaveLength(1);
  });

  it('repeats bodies without counting them twice', async () => {
    start({ duplicateShare: 1 });
    const follower = following();
    queue.add(aMessage('m1'), follower);
    await until('the repeat', () => bodies.length === 2);
    expect(bodies[1]).toBe(bodies[0]);
    expect(follower.ids).toEqual(['m1']);
  });

  it('lets updates overtake each other when it shall', async () => {
    start({ reorder: true });
    const follower = following();
    const ids = Array.from({ length: 20 }, (_, index) => `m${index}`);
    for (const id of ids) queue.add(aMessage(id), follower);
    await until('all updates', () => follower.ids.length === ids.length);
    expect(follower.ids).not.toEqual(ids);
    expect([...follower.ids].sort()).toEqual([...ids].sort());
  });
});
