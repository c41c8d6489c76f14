import { type Fields, fieldsOf, text } from './read-json';
import { textOfMessage } from './content-of-message';
import { type MessageFact, type MessageKey, type Person, type Rows } from './rows';

/** The message that has an effect on another: whose, when, and which way. */
export type MessageContext = MessageKey &
  Person & { readonly direction: 'inbound' | 'outbound'; readonly at: Date };

/** What a message does to another one of the same number: reactions, edits, revocations. */
export function effectsOf(
  message: Fields,
  context: MessageContext,
): Partial<Pick<Rows, 'facts' | 'edits' | 'reactions'>> {
  switch (message.type) {
    case 'reaction':
      return reactionOf(fieldsOf(message.reaction), context);
    case 'edit': {
      const target = text(fieldsOf(message.edit).original_message_id);
      if (target === null) return {};
      const { phoneNumberId, month, at, wamid } = context;
      const editedText = text(textOfMessage(message));
      return {
        facts: [factOf(target, 'edited', context)],
        edits: [{ phoneNumberId, wamid: target, month, editedAt: at, editWamid: wamid, editedText }],
      };
    }
    case 'revoke': {
      const target = text(fieldsOf(message.revoke).original_message_id);
      return target === null ? {} : { facts: [factOf(target, 'revoked', context)] };
    }
    default:
      return {};
  }
}

function reactionOf(reaction: Fields, context: MessageContext): Partial<Pick<Rows, 'reactions'>> {
  const target = text(reaction.message_id);
  const { phoneNumberId, wabaId, month, wamid, at, direction, contactPhone, contactUserId } = context;
  const sender = direction === 'outbound' ? 'business' : (contactPhone ?? contactUserId ?? 'unknown');
  if (target === null) return {};
  return {
    reactions: [
      {
        phoneNumberId,
        wamid: target,
        month,
        sender,
        wabaId,
        emoji: text(reaction.emoji),
        reactedAt: at,
        reactionWamid: wamid,
      },
    ],
  };
}

/** The message meant may never come, so its row begins with what is known from here. */
function factOf(wamid: string, fact: string, context: MessageContext): MessageFact {
  return { ...context, wamid, fact, commandId: null };
}
