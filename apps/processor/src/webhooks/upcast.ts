import { type Fields, fieldsOf } from './read-json';

/**
 * Older shapes of Meta's objects into today's, so that the rest reads only those. Each case names the time or version that wrote it so.
 * Pure; what is already of today's shape comes back as it is.
 */

/** System messages until 2023 named the new number `new_wa_id`, and the type had `customer_` in front. The on-premises API knew `voice`. */
export function upcastMessage(message: Fields): Fields {
  if (message.type === 'voice') return { ...message, type: 'audio', audio: message.voice ?? message.audio };
  if (message.type !== 'system') return message;
  const system = fieldsOf(message.system);
  return {
    ...message,
    system: {
      ...system,
      ...(system.type === 'customer_changed_number' && { type: 'user_changed_number' }),
      ...(system.wa_id === undefined && system.new_wa_id !== undefined && { wa_id: system.new_wa_id }),
    },
  };
}

/** Until 2026-05-05 the parent user id had its words in another order. Until 2025-07-01 prices were by conversation (CBP), without a type. */
export function upcastStatus(status: Fields): Fields {
  const pricing = fieldsOf(status.pricing);
  const isOfToday = typeof pricing.category !== 'string' || !pricing.category.includes('-');
  if (isOfToday && status.parent_recipient_user_id === undefined) return status;
  const { parent_recipient_user_id: parent, ...rest } = status;
  return {
    ...rest,
    ...(parent !== undefined && { recipient_parent_user_id: status.recipient_parent_user_id ?? parent }),
    ...(typeof pricing.category === 'string' && {
      pricing: { ...pricing, category: pricing.category.replaceAll('-', '_') },
    }),
  };
}

const olderNames: Readonly<Record<string, string>> = {
  // Until v23.
  max_daily_conversation_per_phone: 'max_daily_conversations_per_business',
  // Until February 2026.
  current_limit: 'max_daily_conversations_per_business',
};

/** The value of an account change. */
export function upcastChange(value: Fields): Fields {
  const renamed = Object.entries(olderNames).filter(
    ([old, name]) => value[old] !== undefined && value[name] === undefined,
  );
  return { ...value, ...Object.fromEntries(renamed.map(([old, name]) => [name, value[old]])) };
}
