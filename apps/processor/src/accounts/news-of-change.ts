import { type RegistryChange } from '@talaria/database';
import { type Fields, fieldsOf, label, list, parse, phone, text, time } from '../webhooks/read-json';
import { upcastChange } from '../webhooks/upcast';

/** What Meta tells that changes who may send, and how fast, in Meta's words. */
export type News = Pick<RegistryChange, 'change' | 'until'> & {
  /** The digits of the number that it is about; null when it is about the account. */
  readonly displayNumber: string | null;
  readonly reason: string;
};

/**
 * @param json the value of the change
 * @returns undefined for what changes nothing: most account changes are only kept
 */
export function newsOfChange(field: string, json: Buffer): News | undefined {
  const read = Object.hasOwn(readers, field) ? readers[field] : undefined;
  return read?.(upcastChange(fieldsOf(parse(json))));
}

const readers: Readonly<Record<string, (value: Fields) => News | undefined>> = {
  account_update: newsOfAccount,
  phone_number_quality_update: newsOfNumber,
};

function newsOfAccount(value: Fields): News | undefined {
  switch (value.event) {
    case 'DISABLED_UPDATE':
      return banOf(fieldsOf(value.ban_info));
    case 'ACCOUNT_RESTRICTION':
      return restrictionOf(list(value.restriction_info).map(fieldsOf));
    case 'ACCOUNT_DELETED':
      return { displayNumber: null, change: 'deletion', reason: value.event, until: 'infinity' };
    default:
      return undefined;
  }
}

/** One that is only scheduled holds nothing back yet. */
function banOf({ waba_ban_state: state, waba_ban_date: date }: Fields): News | undefined {
  if (state !== 'DISABLE' && state !== 'REINSTATE') return undefined;
  const reason = ['DISABLED_UPDATE', state, label(date) ?? []].flat().join(', ');
  return { displayNumber: null, change: 'ban', reason, until: state === 'DISABLE' ? 'infinity' : null };
}

/** Others take away calls, further numbers or kinds of templates. */
const MESSAGING = new Set(['RESTRICTED_BIZ_INITIATED_MESSAGING', 'RESTRICTED_CUSTOMER_INITIATED_MESSAGING']);

/** Until the last of its ends; one without an end that can be read is lifted by a person. */
function restrictionOf(all: readonly Fields[]): News | undefined {
  const restrictions = all.flatMap(({ restriction_type: restriction, expiration }) => {
    const type = text(restriction);
    return type !== null && MESSAGING.has(type)
      ? [{ type, end: time(expiration)?.getTime() ?? Infinity }]
      : [];
  });
  if (restrictions.length === 0) return undefined;
  const end = Math.max(...restrictions.map((one) => one.end));
  return {
    displayNumber: null,
    change: 'restriction',
    reason: restrictions.map(({ type }) => type).join(', '),
    until: end === Infinity ? 'infinity' : new Date(end),
  };
}

function newsOfNumber(value: Fields): News | undefined {
  const displayNumber = phone(value.display_phone_number);
  const event = text(value.event);
  if (displayNumber === null || event === null) return undefined;
  if (event === 'THROUGHPUT_UPGRADE') return { displayNumber, change: 'rate', reason: event, until: null };
  const limit = label(value.max_daily_conversations_per_business);
  return { displayNumber, change: 'quality', reason: [event, limit ?? []].flat().join(', '), until: null };
}
