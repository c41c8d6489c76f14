import { type CallbackData, formatCallbackData, type SendMessage } from '@talaria/contracts';

/**
 * Our language into Meta's: the body of the send call. The one place where a command is turned into a request. What is ours wins over
 * what stands in the message: it reaches nobody but the command's recipient, and is never a read mark. The callback data brings the
 * command's id back in every status.
 * @param span of the call, when it is recorded
 */
export function buildRequest(
  command: SendMessage,
  attempt: number,
  span?: CallbackData['span'],
): Record<string, unknown> {
  const { id, to, recipient, message } = command;
  return Object.assign({}, message, {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to,
    recipient: to === undefined ? recipient : undefined,
    status: undefined,
    biz_opaque_callback_data: formatCallbackData({ commandId: id, attempt, ...(span && { span }) }),
  });
}
