import { type Send } from '../cloud-api/check-message';
import { catalogued } from '../cloud-api/error-catalogue';
import { type Fields } from '../cloud-api/field-checks';
import { userIdOf } from '../cloud-api/identity';
import { between, type Random, type Range } from '../random';
import { type Update, type Sender } from './notification';

/** How long after the acceptance each status comes; null: never. */
export type StatusDelays = {
  readonly sent: Range | null;
  readonly delivered: Range | null;
  readonly read: Range | null;
};

export type AcceptedSend = {
  readonly sender: Sender;
  readonly send: Send;
  readonly wamid: string;
  /** Makes the message fail with this code instead of being sent. */
  readonly failsWith: number | undefined;
};

const FAILED_AFTER_MS: Range = [20, 60];
const STAGES = ['sent', 'delivered', 'read'] as const;

/** The statuses of an accepted message with their times, none before the one that must precede it. A reaction is only ever sent. */
export function statusesOf(
  accepted: AcceptedSend,
  acceptedAt: number,
  delays: StatusDelays,
  random: Random,
): Update[] {
  if (accepted.failsWith !== undefined) {
    const at = acceptedAt + between(random, delays.sent ?? FAILED_AFTER_MS);
    return [failedStatus(accepted, accepted.failsWith, at)];
  }
  const due: Update[] = [];
  let earliest = acceptedAt;
  for (const stage of accepted.send.type === 'reaction' ? STAGES.slice(0, 1) : STAGES) {
    const delay = delays[stage];
    if (delay === null) continue;
    const at = Math.max(earliest, acceptedAt + between(random, delay));
    due.push(statusUpdate(accepted, stage, at));
    earliest = at + 1;
  }
  return due;
}

function statusUpdate(accepted: AcceptedSend, status: (typeof STAGES)[number], at: number): Update {
  return {
    at,
    sender: accepted.sender,
    content: {
      kind: 'status',
      status: {
        id: accepted.wamid,
        status,
        timestamp: secondsOf(at),
        ...recipientOf(accepted.send, true),
        ...callbackOf(accepted.send),
        ...(status !== 'read' && { pricing: pricingOf(accepted.send.type) }),
      },
    },
  };
}

function failedStatus(accepted: AcceptedSend, code: number, at: number): Update {
  const { title } = catalogued(code);
  const error = {
    code,
    title,
    message: title,
    error_data: { details: title },
    href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
  };
  return {
    at,
    sender: accepted.sender,
    content: {
      kind: 'status',
      status: {
        id: accepted.wamid,
        status: 'failed',
        timestamp: secondsOf(at),
        ...recipientOf(accepted.send, false),
        ...callbackOf(accepted.send),
        errors: [error],
      },
    },
  };
}

const secondsOf = (at: number) => String(Math.floor(at / 1000));

/** The phone is told only to those who dialled it, and a failed status never tells the user id that belongs to it. */
function recipientOf({ recipient }: Send, tellsUserId: boolean): Fields {
  switch (recipient.kind) {
    case 'phone':
      return {
        recipient_id: recipient.waId,
        ...(tellsUserId && { recipient_user_id: userIdOf(recipient.waId) }),
      };
    case 'user-id':
      return { recipient_user_id: recipient.input };
    case 'group':
      return { recipient_id: recipient.input, recipient_type: 'group' };
  }
}

const callbackOf = ({ callbackData }: Send): Fields =>
  callbackData === undefined ? {} : { biz_opaque_callback_data: callbackData };

function pricingOf(type: string): Fields {
  const isTemplate = type === 'template';
  return {
    billable: isTemplate,
    pricing_model: 'PMP',
    type: isTemplate ? 'regular' : 'free_customer_service',
    category: isTemplate ? 'utility' : 'service',
  };
}
