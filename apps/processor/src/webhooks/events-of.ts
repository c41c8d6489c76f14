import { contactKey, type DomainEvent } from '@talaria/contracts';
import { createHash } from 'node:crypto';
import { type Link } from '../contacts/link-identities';
import { type FirstSeen } from '../projections/record-rows';
import { type ChangeRow, type MessageForm, type Person, type StatusRow } from './rows';

/** A domain event and the key that orders it. */
export type KeyedEvent = {
  readonly key: string;
  readonly event: DomainEvent;
  /** The part of its data that is Meta's own JSON: told byte for byte, since a parsed number may have lost digits. */
  readonly raw?: { readonly field: 'message' | 'value'; readonly json: Buffer };
};

/** The event's data as JSON. */
export function dataOf({ event, raw }: KeyedEvent): string {
  const json = JSON.stringify(event.data);
  return raw === undefined ? json : `${json.slice(0, -1)},"${raw.field}":${raw.json.toString('utf8')}}`;
}

const source = 'talaria/processor';

/**
 * What products are told of facts seen for the first time. Ids are made of the fact, so that a repeat after a crash is recognised, and tell no
 * phone: ids are logged. Messages sent by hand (echoes) are no event of a person, and what another app answers (standby) is not ours to answer.
 */
export function eventsOf(
  { messages, statuses, changes, linked, contactOf }: Omit<FirstSeen, 'unknown' | 'accepted'>,
  now: Date,
): KeyedEvent[] {
  const keyOf = (person: Person) => contactKeyOf(person, contactOf);
  return [
    ...messages
      .filter(({ direction, isOurs }) => direction === 'inbound' && isOurs)
      .map((row) => messageReceived(row, keyOf(row), now)),
    ...statuses.map((row) => messageStatus(row, keyOf(row))),
    ...changes.map((row) => accountChanged(row, keyOf(row), now)),
    ...linked.map((link) => identityChanged(link, contactOf({ ...link, identity: link.one }), now)),
  ];
}

function messageReceived(row: MessageForm, key: string, now: Date): KeyedEvent {
  const { phoneNumberId, wamid, contactName } = row;
  return {
    key,
    event: {
      id: messageEventId(row),
      type: 'whatsapp.message.received.v1',
      source,
      time: (row.messageAt ?? now).toISOString(),
      subject: phoneNumberId,
      data: {
        wabaId: row.wabaId ?? '',
        phoneNumberId,
        wamid,
        from: { ...identitiesOf(row), ...(contactName !== null && { name: contactName }) },
        timestamp: row.messageAt?.toISOString() ?? null,
        type: row.type,
        message: undefined,
      },
    },
    raw: { field: 'message', json: row.item },
  };
}

function messageStatus(row: StatusRow, key: string): KeyedEvent {
  const { phoneNumberId, wamid, status, errorCode, errorTitle } = row;
  return {
    key,
    event: {
      id: statusEventId(row),
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
        recipient: identitiesOf(row),
        ...(row.commandId !== null && { commandId: row.commandId }),
        ...(row.attempt !== null && { attempt: row.attempt }),
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

function accountChanged(row: ChangeRow, key: string, now: Date): KeyedEvent {
  const { wabaId, field, phoneNumberId, contactPhone, contactUserId } = row;
  return {
    key,
    event: {
      id: changeEventId(row),
      type: 'whatsapp.account.changed.v1',
      source,
      time: (row.changedAt ?? now).toISOString(),
      subject: wabaId,
      data: {
        wabaId,
        field,
        ...(phoneNumberId !== null && { phoneNumberId }),
        ...((contactPhone !== null || contactUserId !== null) && {
          contact: identitiesOf(row),
        }),
        value: undefined,
      },
    },
    raw: { field: 'value', json: row.value },
  };
}

function identityChanged(link: Link, contact: string, now: Date): KeyedEvent {
  const { wabaId, one, other } = link;
  return {
    key: contact,
    event: {
      id: identityEventId(link),
      type: 'whatsapp.contact.identity-changed.v1',
      source,
      time: now.toISOString(),
      subject: wabaId,
      data: { wabaId, contact, identities: [one, other] },
    },
  };
}

function identitiesOf({ contactPhone: phone, contactUserId: userId }: Person): {
  readonly phone?: string;
  readonly userId?: string;
} {
  if (phone === null) return userId === null ? {} : { userId };
  return userId === null ? { phone } : { phone, userId };
}

export function messageEventId({
  phoneNumberId,
  wamid,
}: Pick<MessageForm, 'phoneNumberId' | 'wamid'>): string {
  return `${phoneNumberId}/${wamid}`;
}

export function changeEventId({ wabaId, changeHash }: Pick<ChangeRow, 'wabaId' | 'changeHash'>): string {
  return `${wabaId}/${changeHash.toString('hex')}`;
}

export function statusEventId({
  phoneNumberId,
  wamid,
  status,
  participant,
}: Pick<StatusRow, 'phoneNumberId' | 'wamid' | 'status' | 'participant'>): string {
  return `${phoneNumberId}/${wamid}/${status}/${participant === '-' ? '-' : hashOf(participant)}`;
}

export function identityEventId({ wabaId, one, other }: Link): string {
  return `${wabaId}/contact/${hashOf(JSON.stringify([wabaId, one, other]))}`;
}

function hashOf(personal: string): string {
  return createHash('sha256').update(personal).digest('hex').slice(0, 32);
}

/** The contact as it is known now: all that one person does is in order, under whichever identity. */
function contactKeyOf(
  { contactPhone, contactUserId, wabaId }: Person,
  contactOf: FirstSeen['contactOf'],
): string {
  const identity = contactPhone ?? contactUserId;
  if (identity !== null) return contactOf({ wabaId: wabaId ?? '', identity });
  return contactKey({ wabaId: wabaId ?? undefined });
}
