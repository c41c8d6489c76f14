import { checkContent, CONTENT_TYPES } from './check-content';
import {
  invalid,
  isFields,
  missing,
  optionalText,
  requiredText,
  type Complaint,
  type Fields,
} from './field-checks';
import { waIdOf } from './identity';

/** To whom a message goes. A person is named by phone or by business-scoped user id; Meta knows more than it tells. */
export type Recipient =
  | { readonly kind: 'phone'; readonly input: string; readonly waId: string }
  | { readonly kind: 'user-id'; readonly input: string }
  | { readonly kind: 'group'; readonly input: string };

export type Send = {
  readonly recipient: Recipient;
  readonly type: string;
  readonly callbackData: string | undefined;
  /** The wamid that its context names. */
  readonly answers: string | undefined;
};

export type Checked =
  | { readonly kind: 'send'; readonly send: Send }
  | { readonly kind: 'read-mark' }
  | { readonly kind: 'refused'; readonly complaint: Complaint };

const PARAMETERS = new Set([
  'messaging_product',
  'recipient_type',
  'to',
  'recipient',
  'type',
  'context',
  'biz_opaque_callback_data',
  'recipient_identity_key_hash',
  'status',
  'message_id',
  'typing_indicator',
  ...CONTENT_TYPES,
]);

const PHONE = /^\+?(\d{5,15})$/;
const USER_ID = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;

/** Reads the body of `POST /{phone-number-id}/messages` as Meta does: as strictly, and complaining in its words. */
export function checkMessage(raw: string): Checked {
  const body = parse(raw);
  if (body === undefined) return refused(invalidJson);
  const complaint = checkFrame(body);
  if (complaint !== undefined) return refused(complaint);
  return body.status === undefined ? checkSend(body) : checkReadMark(body);
}

const invalidJson: Complaint = { code: 100, details: 'The request body must be a JSON object.' };
const refused = (complaint: Complaint): Checked => ({ kind: 'refused', complaint });

function parse(raw: string): Fields | undefined {
  try {
    const body: unknown = JSON.parse(raw);
    return isFields(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function checkFrame(body: Fields): Complaint | undefined {
  for (const key in body) {
    // What is named by an unknown type is left to the check of the type.
    if (!PARAMETERS.has(key) && key !== body.type)
      return { code: 100, details: `Unexpected key "${key}" on the request body.` };
  }
  if (body.messaging_product === undefined) {
    return { code: 100, details: 'The parameter messaging_product is required.' };
  }
  if (body.messaging_product !== 'whatsapp') {
    return { code: 100, details: 'Param messaging_product must be one of {WHATSAPP}.' };
  }
  return undefined;
}

function checkReadMark(body: Fields): Checked {
  const { typing_indicator: typing } = body;
  const complaint =
    (body.status === 'read' ? undefined : invalid('status', 'be read')) ??
    requiredText(body, 'message_id', 'message_id') ??
    (typing === undefined || (isFields(typing) && typing.type === 'text')
      ? undefined
      : invalid('typing_indicator', 'be {type: text}'));
  return complaint === undefined ? { kind: 'read-mark' } : refused(complaint);
}

function checkSend(body: Fields): Checked {
  const recipient = readRecipient(body);
  if ('code' in recipient) return refused(recipient);
  // Meta takes a message without a type for a text.
  const { type = 'text' } = body;
  if (typeof type !== 'string' || !CONTENT_TYPES.has(type)) {
    return refused(invalid('type', `be one of ${[...CONTENT_TYPES].join(', ')}`));
  }
  const complaint =
    checkContent(body, type) ??
    checkContext(body.context) ??
    optionalText(body, 'biz_opaque_callback_data', 'biz_opaque_callback_data', 512) ??
    optionalText(body, 'recipient_identity_key_hash', 'recipient_identity_key_hash');
  if (complaint !== undefined) return refused(complaint);
  const { biz_opaque_callback_data: data, context } = body;
  const answers = isFields(context) ? context.message_id : undefined;
  return {
    kind: 'send',
    send: {
      recipient,
      type,
      callbackData: typeof data === 'string' ? data : undefined,
      answers: typeof answers === 'string' ? answers : undefined,
    },
  };
}

/** The phone wins when a user id is given too. */
function readRecipient(body: Fields): Recipient | Complaint {
  const { to, recipient, recipient_type: kind = 'individual' } = body;
  if (kind !== 'individual' && kind !== 'group') return invalid('recipient_type', 'be individual or group');
  if (to !== undefined && to !== null && to !== '') {
    if (typeof to !== 'string') return invalid('to', 'be a string');
    if (kind === 'group') return { kind: 'group', input: to };
    const digits = PHONE.exec(to)?.[1];
    return digits === undefined
      ? invalid('to', 'be a phone number of 5 to 15 digits')
      : { kind: 'phone', input: to, waId: waIdOf(digits) };
  }
  if (recipient === undefined || recipient === null || recipient === '') return missing('to');
  if (typeof recipient !== 'string' || !USER_ID.test(recipient)) {
    return invalid('recipient', 'be a business-scoped user id such as US.1349');
  }
  return { kind: 'user-id', input: recipient };
}

function checkContext(context: unknown): Complaint | undefined {
  if (context === undefined || context === null) return undefined;
  if (!isFields(context)) return invalid('context', 'be an object');
  return requiredText(context, 'message_id', "context['message_id']");
}
