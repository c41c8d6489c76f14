type Fields = Readonly<Record<string, unknown>>;

/** What a person would read of a message, by its type; undefined for types without text. Whatever is found may be of any type. */
export function textOfMessage(message: Fields): unknown {
  const shown = message.type === 'edit' ? fieldsOf(contentOf(message).message) : message;
  const content = contentOf(shown);
  switch (shown.type) {
    case 'text':
    case 'system':
      return content.body;
    case 'button':
    case 'order':
      return content.text;
    case 'reaction':
      return content.emoji;
    case 'location':
      return content.name ?? content.address;
    case 'interactive':
      return textOfReply(content);
    default:
      return content.caption;
  }
}

function textOfReply(content: Fields): unknown {
  const reply = contentOf(content);
  return reply.title ?? reply.body;
}

/** Meta puts the content of an object under the name of its type. */
function contentOf(fields: Fields): Fields {
  return typeof fields.type === 'string' ? fieldsOf(fields[fields.type]) : {};
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
