import { contactKey, type DomainEvent } from '@talaria/contracts';
import { type FirstSeen } from './record-webhooks';
import { type ChangeRow, type MessageRow, type StatusRow } from './rows';

/** A domain event and the key that orders it. */
export type KeyedEvent = { readonly key: string; readonly event: DomainEvent };

const source = 'talaria/processor';

/**
 * What products are told of facts seen for the first time. Ids are made of the fact, so that a repeat after a crash is recognised. Messages
 * sent by hand (echoes) are no event of a person.
 */
export function eventsOf({ messages, statuses, changes }: FirstSeen, now: Date): KeyedEvent[] {
  return [
    ...messages.filter(({ direction }) => direction === 'inbound').map((row) => messageReceived(row, now)),
    ...statuses.map(messageStatus),
    ...changes.map((row) => accountChanged(row, now)),
  ];
}

function messageReceived(row: MessageRow, now: Date): KeyedEvent {
  const { phoneNumberId, wamid, contactPhone, contactUserId, contactName } = row;
  return {
    key: keyOf(row),
    event: {
      id: `${phoneNumberId}/${wamid}`,
      type: 'whatsapp.message.received.v1',
      source,
      time: (row.messageAt ?? now).toISOString(),
      subject: phoneNumberId,
      data: {
        wabaId: row.wabaId ?? '',
        phoneNumberId,
        wamid,
        from: {
          ...(contactPhone !== null && { phone: contactPhone }),
          ...(contactUserId !== null && { userId: contactUserId }),
          ...(contactName !== null && { name: contactName }),
        },
        timestamp: row.messageAt?.toISOString() ?? null,
        type: row.type,
        message: parse(row.item),
      },
    },
  };
}

function messageStatus(row: StatusRow): KeyedEvent {
  const { phoneNumberId, wamid, status, participant, contactPhone, contactUserId, errorCode, errorTitle } =
    row;
  return {
    key: keyOf(row),
    event: {
      id: `${phoneNumberId}/${wamid}/${status}/${participant}`,
      type: 'whatsapp.message.status.v1',
      source,
      time: row.statusAt.toISOString(),
      subject: phoneNumberId,
      data: {
        wabaId: row.wabaId ?? '',
        phoneNumberId,
        wamid,
        status,
        timestamp: row.statusAt.toISOString(),
        recipient: {
          ...(contactPhone !== null && { phone: contactPhone }),
          ...(contactUserId !== null && { userId: contactUserId }),
        },
        ...(row.commandId !== null && { commandId: row.commandId }),
        ...(status === 'failed' && {
          error: {
            ...(errorCode !== null && { code: errorCode }),
            ...(errorTitle !== null && { title: errorTitle }),
          },
        }),
      },
    },
  };
}

function accountChanged(row: ChangeRow, now: Date): KeyedEvent {
  const { wabaId, field, changeHash } = row;
  const change = parse(row.item) as { value?: unknown } | null;
  return {
    key: wabaId,
    event: {
      id: `${wabaId}/${changeHash.toString('hex')}`,
      type: 'whatsapp.account.changed.v1',
      source,
      time: (row.changedAt ?? now).toISOString(),
      subject: wabaId,
      data: { wabaId, field, value: change?.value ?? change },
    },
  };
}

function keyOf({ contactPhone, contactUserId, wabaId }: MessageRow | StatusRow): string {
  return contactKey({
    phone: contactPhone ?? undefined,
    userId: contactUserId ?? undefined,
    wabaId: wabaId ?? undefined,
  });
}

function parse(json: Buffer): unknown {
  return JSON.parse(json.toString('utf8'));
}
