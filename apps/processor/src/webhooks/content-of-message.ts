import { type Fields, fieldsOf, text } from './read-json';

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

/** What is attached, by Meta's id: good for 7 days. */
export function mediaOf(message: Fields): {
  readonly mediaId: string | null;
  readonly mediaMimeType: string | null;
  readonly mediaSha256: string | null;
  readonly mediaFilename: string | null;
} {
  const isMedia = typeof message.type === 'string' && MEDIA.has(message.type);
  const content = isMedia ? contentOf(message) : {};
  return {
    mediaId: text(content.id),
    mediaMimeType: text(content.mime_type),
    mediaSha256: text(content.sha256),
    mediaFilename: text(content.filename),
  };
}

const MEDIA = new Set(['image', 'video', 'audio', 'document', 'sticker']);
