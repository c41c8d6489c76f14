import { hash } from 'node:crypto';
import { headers, topics, webhookKey } from '@talaria/contracts';
import { type OutgoingRecord } from '@talaria/kafka';
import { type ItemSort, itemSortOf, splitNotification } from '@talaria/whatsapp';

export type Delivery = {
  readonly deliveryId: string;
  readonly receivedAt: Date;
  readonly body: Buffer;
  /** The app of the registry that it came by; empty or absent for the app of the environment. */
  readonly appId?: string;
};

/** With what its item is, and the account and the number of it; a dead letter has none. */
export type WebhookRecord = OutgoingRecord & {
  readonly sort?: ItemSort;
  readonly wabaId?: string | undefined;
  readonly phoneNumberId?: string | undefined;
};

/**
 * The records of a signed body: one for each of its items, keyed by the person it is about. A body that is not JSON becomes one dead
 * letter: Meta's retries would bring the same bytes again for seven days.
 */
export function toRecords({ deliveryId, receivedAt, body, appId = '' }: Delivery): WebhookRecord[] {
  const common = {
    [headers.deliveryId]: deliveryId,
    [headers.receivedAt]: receivedAt.toISOString(),
    [headers.bodySha256]: hash('sha256', body, 'hex'),
    ...(appId !== '' && { [headers.appId]: appId }),
  };
  const items = splitNotification(body);
  if (items === undefined) {
    const cause = { [headers.dlqCause]: 'decode', [headers.dlqAt]: receivedAt.toISOString() };
    const reason = { [headers.errorMessage]: 'signed by Meta, but not JSON' };
    return [
      {
        topic: topics.webhooksDlq.name,
        key: deliveryId,
        value: body,
        headers: { ...common, ...cause, ...reason },
      },
    ];
  }
  return items.map((item, index) => ({
    topic: topics.webhooks.name,
    key: webhookKey(item, deliveryId),
    value: item.envelope,
    sort: itemSortOf(item),
    wabaId: item.wabaId,
    phoneNumberId: item.phoneNumberId,
    headers: { [headers.itemIndex]: String(index), [headers.itemCount]: String(items.length), ...common },
  }));
}
