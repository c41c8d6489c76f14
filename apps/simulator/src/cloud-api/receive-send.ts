import { type Fault, type FaultAnswer, type Faults } from '../faults/faults';
import { type SendLimits } from '../limits/send-limits';
import { type BusinessNumber, type Numbers } from '../numbers';
import { type Records } from '../records/records';
import { type AcceptedSend } from '../webhooks/statuses';
import { jsonAnswer, refusalAnswer, type Answer, type Refusal } from './answer';
import { checkMessage, type Recipient, type Send } from './check-message';
import { type WamidSource } from './identity';

/** What receiving a send needs of the simulator. */
export type SendDesk = {
  readonly numbers: Numbers;
  readonly faults: Faults;
  readonly limits: SendLimits;
  readonly records: Records;
  readonly wamids: WamidSource;
  readonly enforcesLimits: () => boolean;
  /** Lets the statuses of an accepted message follow. */
  readonly announce: (accepted: AcceptedSend, acceptedAt: number) => void;
};

export type SendRequest = {
  readonly phoneNumberId: string;
  readonly token: string | undefined;
  readonly body: string;
};

/** What the client is to see: an answer, now or late; a dead connection; or nothing until the hang is released. */
export type Outcome =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly delayMs: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'hang'; readonly onRelease: (now: number) => Answer };

type Taken = { readonly kind: 'accepted' | 'refused'; readonly answer: Answer };

/** One call of `POST /{phone-number-id}/messages`, from its arrival to what the client sees. */
export function receiveSend(desk: SendDesk, request: SendRequest, now: number): Outcome {
  const { phoneNumberId } = request;
  const access = desk.numbers.access(request.token, phoneNumberId);
  if (access.kind !== 'granted') return answered(refuse(desk, accessRefusal(access.kind, phoneNumberId)));

  const checked = checkMessage(request.body);
  if (checked.kind === 'refused') return answered(refuse(desk, checked.complaint));
  if (checked.kind === 'read-mark') {
    desk.records.readMarks += 1;
    return answered(jsonAnswer({ success: true }));
  }

  const { send } = checked;
  const { number } = access;
  if (send.recipient.kind === 'phone' && send.recipient.waId === number.waId) {
    return answered(refuse(desk, { code: 131021, details: 'Message recipient is the sender.' }));
  }
  const fault = desk.faults.find({
    phoneNumberId,
    recipient: send.recipient.input,
    callbackData: send.callbackData,
  });
  return fault === undefined
    ? answered(takeOrRefuse(desk, number, send, undefined, now).answer)
    : withFault(desk, number, send, fault, now);
}

/** What a call that asks about a number is answered instead while a fault lasts; undefined when nothing is wrong. */
export function faultOfNumber(faults: Faults, phoneNumberId: string): Outcome | undefined {
  const script = faults.findLasting(phoneNumberId)?.answer;
  switch (script?.kind) {
    case 'error': {
      const { kind: _, ...refusal } = script;
      return answered(refusalAnswer({ details: 'A scripted fault.', ...refusal }));
    }
    case 'http':
      return answered({ status: script.status, body: script.body, contentType: script.contentType });
    case 'drop':
    case 'hang':
      return { kind: 'drop' };
    default:
      return undefined;
  }
}

function withFault(desk: SendDesk, number: BusinessNumber, send: Send, fault: Fault, now: number): Outcome {
  const { answer: script } = fault;
  const failsWith = script.kind === 'failed-status' ? script.code : undefined;
  const take = (at: number) => takeOrRefuse(desk, number, send, failsWith, at);
  const taken = accepts(script) ? take(now) : undefined;
  // Refused by a limit before the fault could happen: it waits for the next send.
  if (taken?.kind === 'refused') return answered(taken.answer);
  desk.faults.apply(fault);
  if (leavesUnanswered(script)) {
    const { recipient, callbackData } = send;
    const { phoneNumberId } = number;
    desk.records.addUnanswered({ at: milliseconds(now), phoneNumberId, to: recipient.input, callbackData });
  }
  switch (script.kind) {
    case 'error': {
      const { kind: _, ...refusal } = script;
      return answered(refuse(desk, { details: 'A scripted fault.', ...refusal }));
    }
    case 'http': {
      const { status, body, contentType } = script;
      return answered({ status, body, contentType });
    }
    case 'drop':
      return { kind: 'drop' };
    case 'hang':
      return { kind: 'hang', onRelease: (releasedAt) => (taken ?? take(releasedAt)).answer };
    case 'delay':
      return { kind: 'answer', answer: (taken ?? take(now)).answer, delayMs: script.delayMs };
    case 'failed-status':
      return answered((taken ?? take(now)).answer);
  }
}

/** Whoever called cannot know what became of it; but for a hang that is released in time. */
const leavesUnanswered = ({ kind }: FaultAnswer) => ['http', 'drop', 'hang'].includes(kind);

const milliseconds = (now: number) => Math.round(now * 1000) / 1000;

function accepts(script: FaultAnswer): boolean {
  return script.kind === 'delay' || script.kind === 'failed-status' || ('accept' in script && script.accept);
}

/** Accepts the message, with all that follows, unless a limit is reached. */
function takeOrRefuse(
  desk: SendDesk,
  number: BusinessNumber,
  send: Send,
  failsWith: number | undefined,
  now: number,
): Taken {
  const { phoneNumberId } = number;
  const recipient = send.recipient.kind === 'phone' ? send.recipient.waId : send.recipient.input;
  if (desk.enforcesLimits()) {
    const code = desk.limits.refusal(phoneNumberId, recipient, number.messagesPerSecond, now);
    if (code !== undefined) {
      desk.records.addOverLimit({
        ...{ at: milliseconds(now), phoneNumberId, to: send.recipient.input, code },
        messagesPerSecond: number.messagesPerSecond,
      });
      return { kind: 'refused', answer: refuse(desk, { code, details: LIMIT_DETAILS[code] }) };
    }
  }
  desk.limits.countSend(phoneNumberId, recipient, now);
  const wamid = desk.wamids.outbound(recipient);
  desk.records.addAccepted({
    at: milliseconds(now),
    phoneNumberId,
    to: send.recipient.input,
    wamid,
    callbackData: send.callbackData,
    type: send.type,
    answers: send.answers,
  });
  desk.announce({ sender: number, send, wamid, failsWith }, now);
  return { kind: 'accepted', answer: acceptance(send.recipient, wamid) };
}

const LIMIT_DETAILS = {
  130429: 'Cloud API message throughput has been reached.',
  131056:
    'Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.',
};

/** By phone the answer tells no user id, and by user id no phone. */
function acceptance(recipient: Recipient, wamid: string): Answer {
  const { input } = recipient;
  const contact =
    recipient.kind === 'phone'
      ? { input, wa_id: recipient.waId }
      : recipient.kind === 'user-id'
        ? { input, user_id: input }
        : { input };
  return jsonAnswer({
    messaging_product: 'whatsapp',
    contacts: [contact],
    messages: [{ id: wamid, message_status: 'accepted' }],
  });
}

/** Meta's words for a token or number that gives no access. */
export function accessRefusal(
  kind: 'token-unknown' | 'number-unknown' | 'token-of-another-waba',
  phoneNumberId: string,
): Refusal {
  switch (kind) {
    case 'token-unknown':
      return { code: 190, details: 'The access token is missing or could not be decrypted.' };
    case 'token-of-another-waba':
      return { code: 10, details: 'The access token has no permission for this phone number.' };
    case 'number-unknown':
      return {
        code: 100,
        subcode: 33,
        details: `Object with ID '${phoneNumberId}' does not exist, cannot be loaded due to missing permissions, or does not support this operation.`,
      };
  }
}

function refuse(desk: SendDesk, refusal: Refusal): Answer {
  desk.records.countRefusal(refusal.code);
  return refusalAnswer(refusal);
}

const answered = (answer: Answer): Outcome => ({ kind: 'answer', answer, delayMs: 0 });
