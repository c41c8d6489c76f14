import { checkInteractive } from './check-interactive';
import {
  firstComplaint,
  invalid,
  isFields,
  missing,
  optionalText,
  requiredText,
  type Complaint,
  type Fields,
} from './field-checks';

/** One check for each type of message. Contacts alone are an array. */
const checks: Readonly<Record<string, (content: Fields) => Complaint | undefined>> = {
  text: (text) => requiredText(text, 'body', "text['body']", 4096),
  image: (image) => checkMedia(image, 'image') ?? checkCaption(image, 'image'),
  video: (video) => checkMedia(video, 'video') ?? checkCaption(video, 'video'),
  document: (document) =>
    checkMedia(document, 'document') ??
    checkCaption(document, 'document') ??
    optionalText(document, 'filename', "document['filename']"),
  audio: (audio) => checkMedia(audio, 'audio'),
  sticker: (sticker) => checkMedia(sticker, 'sticker'),
  location: checkLocation,
  reaction: (reaction) =>
    requiredText(reaction, 'message_id', "reaction['message_id']") ??
    (reaction.emoji === undefined ? missing("reaction['emoji']") : undefined) ??
    optionalText(reaction, 'emoji', "reaction['emoji']"),
  template: checkTemplate,
  interactive: checkInteractive,
};

/** Every parameter that carries a message's content. */
export const CONTENT_TYPES: ReadonlySet<string> = new Set([...Object.keys(checks), 'contacts']);

/** @param body a body whose `type` is one of `CONTENT_TYPES` */
export function checkContent(body: Fields, type: string): Complaint | undefined {
  const content = body[type];
  if (content === undefined || content === null) return missing(type);
  if (type === 'contacts') return checkContacts(content);
  return isFields(content) ? checks[type]?.(content) : invalid(type, 'be an object');
}

function checkMedia(media: Fields, type: string): Complaint | undefined {
  if (media.id === undefined && media.link === undefined) return missing(`${type}['id'] or ${type}['link']`);
  const wrong = optionalText(media, 'id', `${type}['id']`) ?? optionalText(media, 'link', `${type}['link']`);
  if (wrong !== undefined) return wrong;
  const { link } = media;
  const fetchable = typeof link !== 'string' || (/^https?:/.test(link) && URL.canParse(link));
  return fetchable ? undefined : invalid(`${type}['link']`, 'be an http or https URL');
}

function checkCaption(media: Fields, type: string): Complaint | undefined {
  return optionalText(media, 'caption', `${type}['caption']`, 1024);
}

function checkLocation(location: Fields): Complaint | undefined {
  for (const [key, max] of [
    ['latitude', 90],
    ['longitude', 180],
  ] as const) {
    const value = location[key];
    if (value === undefined || value === null || value === '') return missing(`location['${key}']`);
    if (!(Math.abs(Number(value)) <= max)) return invalid(`location['${key}']`, `be within ±${max}`);
  }
  return (
    optionalText(location, 'name', "location['name']") ??
    optionalText(location, 'address', "location['address']")
  );
}

const NAME_PARTS = ['first_name', 'last_name', 'middle_name', 'suffix', 'prefix'];

function checkContacts(contacts: unknown): Complaint | undefined {
  if (!Array.isArray(contacts)) return invalid('contacts', 'be an array');
  if (contacts.length === 0) return missing('contacts[0]');
  return firstComplaint(contacts, (contact: unknown, index) => {
    const path = `contacts[${index}]['name']`;
    if (!isFields(contact) || !isFields(contact.name)) return missing(path);
    const { name } = contact;
    return (
      requiredText(name, 'formatted_name', `${path}['formatted_name']`) ??
      (NAME_PARTS.some((part) => typeof name[part] === 'string')
        ? undefined
        : missing(`${path}['first_name']`))
    );
  });
}

const COMPONENTS = new Set(['header', 'body', 'button', 'carousel', 'limited_time_offer', 'order_status']);

function checkTemplate(template: Fields): Complaint | undefined {
  const { language, components = [] } = template;
  const name = requiredText(template, 'name', "template['name']", 512);
  if (name !== undefined) return name;
  if (!isFields(language)) return missing("template['language']");
  const code = requiredText(language, 'code', "template['language']['code']");
  if (code !== undefined) return code;
  if (!Array.isArray(components)) return invalid("template['components']", 'be an array');
  return firstComplaint(components, (component: unknown, index) =>
    checkComponent(component, `template['components'][${index}]`),
  );
}

function checkComponent(component: unknown, path: string): Complaint | undefined {
  if (!isFields(component)) return invalid(path, 'be an object');
  const wrong = requiredText(component, 'type', `${path}['type']`);
  if (wrong !== undefined) return wrong;
  if (!COMPONENTS.has(String(component.type).toLowerCase())) {
    return invalid(`${path}['type']`, 'be header, body or button');
  }
  const { parameters = [] } = component;
  if (!Array.isArray(parameters)) return invalid(`${path}['parameters']`, 'be an array');
  return firstComplaint(parameters, (parameter: unknown, index) =>
    isFields(parameter)
      ? requiredText(parameter, 'type', `${path}['parameters'][${index}]['type']`)
      : invalid(`${path}['parameters'][${index}]`, 'be an object'),
  );
}
