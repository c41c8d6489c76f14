type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

/** What a person would read of a message, by its type; undefined for types without text. Whatever is found may be of any type. */
export function textOfMessage(message: Fields): unknown {
  const type = String(message.type);
  const content = fieldsOf(message[type]);
  switch (type) {
    case 'text':
      return content.body;
    case 'button':
      return content.text;
    case 'reaction':
      return content.emoji;
    case 'location':
      return content.name ?? content.address;
    case 'system':
      return content.body;
    case 'order':
      return content.text;
    case 'interactive':
      return textOfReply(content);
    case 'edit':
      return textOfMessage(fieldsOf(content.message));
    default:
      return content.caption;
  }
}

function textOfReply(content: Fields): unknown {
  const reply = fieldsOf(content[String(content.type)]);
  return reply.title ?? reply.body;
}
