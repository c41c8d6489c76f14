/**
 * Meta's limits for the message types that we know, checked before a command costs an attempt. A type that we do not know
 * passes: Meta knows more types than we do. Problems name fields, never contents.
 */
type Fields = Readonly<Record<string, unknown>>;

const asFields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A text that must be there and fit. Characters are counted as Unicode code points. */
function text(value: unknown, name: string, max: number): string[] {
  if (typeof value !== 'string' || value === '') return [`${name} must be a text that is not empty`];
  return optionalText(value, name, max);
}

function optionalText(value: unknown, name: string, max: number): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'string') return [`${name} must be a text`];
  return value.length > max && Array.from(value).length > max
    ? [`${name} is longer than ${max} characters`]
    : [];
}

function media(content: Fields, name: string, captioned: boolean): string[] {
  const hasOne = (typeof content.id === 'string') !== (typeof content.link === 'string');
  return [
    ...(hasOne ? [] : [`${name} needs an id or a link, not both`]),
    ...(captioned ? optionalText(content.caption, `${name}.caption`, 1024) : []),
  ];
}

function buttons(action: Fields): string[] {
  const replies = list(action.buttons).map((button) => asFields(asFields(button).reply));
  if (replies.length < 1 || replies.length > 3) return ['interactive.action.buttons must be 1 to 3'];
  const repeated = (['id', 'title'] as const).filter(
    (name) => new Set(replies.map((reply) => reply[name])).size < replies.length,
  );
  return [
    ...replies.flatMap((reply) => [
      ...text(reply.id, 'interactive.action.buttons.reply.id', 256),
      ...text(reply.title, 'interactive.action.buttons.reply.title', 20),
    ]),
    ...repeated.map((name) => `interactive.action.buttons.reply.${name} must differ from button to button`),
  ];
}

function sections(action: Fields): string[] {
  const all = list(action.sections).map(asFields);
  const rows = all.flatMap((section) => list(section.rows).map(asFields));
  const place = 'interactive.action.sections';
  return [
    ...text(action.button, 'interactive.action.button', 20),
    ...(all.length < 1 || all.length > 10 ? [`${place} must be 1 to 10`] : []),
    ...(rows.length < 1 || rows.length > 10 ? [`${place} must have 1 to 10 rows in all`] : []),
    ...all.flatMap((section) =>
      all.length > 1
        ? text(section.title, `${place}.title`, 24)
        : optionalText(section.title, `${place}.title`, 24),
    ),
    ...rows.flatMap((one) => [
      ...text(one.id, `${place}.rows.id`, 200),
      ...text(one.title, `${place}.rows.title`, 24),
      ...optionalText(one.description, `${place}.rows.description`, 72),
    ]),
  ];
}

function interactive(content: Fields): string[] {
  const action = asFields(content.action);
  const parameters = asFields(action.parameters);
  const body = (max: number) => text(asFields(content.body).text, 'interactive.body.text', max);
  const header = asFields(content.header);
  const place = 'interactive.action.parameters';
  const common = [
    ...optionalText(asFields(content.footer).text, 'interactive.footer.text', 60),
    ...(header.type === 'text' ? text(header.text, 'interactive.header.text', 60) : []),
  ];
  switch (content.type) {
    case 'button':
      return [...common, ...body(1024), ...buttons(action)];
    case 'list': {
      const isText = content.header === undefined || header.type === 'text';
      const wrong = isText ? [] : ['interactive.header of a list must be a text'];
      return [...common, ...wrong, ...body(4096), ...sections(action)];
    }
    case 'cta_url':
      return [
        ...common,
        ...body(4096),
        ...text(parameters.display_text, `${place}.display_text`, 20),
        ...text(parameters.url, `${place}.url`, 2000),
      ];
    case 'flow':
      return [...common, ...body(4096), ...text(parameters.flow_cta, `${place}.flow_cta`, 20)];
    default:
      return typeof content.type === 'string' ? common : ['interactive.type must be a text'];
  }
}

/** Meta takes a number that is written as a text as well. */
function isNumber(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

function template(content: Fields): string[] {
  return [
    ...text(content.name, 'template.name', 512),
    ...text(asFields(content.language).code, 'template.language.code', 16),
    ...(content.components === undefined || Array.isArray(content.components)
      ? []
      : ['template.components must be a list']),
  ];
}

function contacts(all: readonly Fields[]): string[] {
  if (all.length === 0) return ['contacts must be a list that is not empty'];
  return all.flatMap(({ name: value }) => {
    const { formatted_name: formatted, ...parts } = asFields(value);
    const hasPart = Object.values(parts).some((part) => typeof part === 'string' && part !== '');
    return [
      ...text(formatted, 'contacts.name.formatted_name', 4096),
      ...(hasPart ? [] : ['contacts.name needs one part more, like first_name']),
    ];
  });
}

const checks: Readonly<Record<string, (content: Fields) => string[]>> = {
  text: (content) => text(content.body, 'text.body', 4096),
  image: (content) => media(content, 'image', true),
  video: (content) => media(content, 'video', true),
  document: (content) => media(content, 'document', true),
  audio: (content) => media(content, 'audio', false),
  sticker: (content) => media(content, 'sticker', false),
  location: (content) =>
    ['latitude', 'longitude'].flatMap((name) =>
      isNumber(content[name]) ? [] : [`location.${name} must be a number`],
    ),
  reaction: (content) => text(content.message_id, 'reaction.message_id', 512),
  interactive,
  template,
};

/** @returns what is wrong with Meta's message object; empty when nothing is, as far as we know */
export function checkMessage(message: { readonly type: string } & Fields): string[] {
  if (message.type === 'contacts') {
    return contacts(list(message.contacts).map(asFields));
  }
  // A type is a word of the caller's: `constructor` is one too.
  const check = Object.hasOwn(checks, message.type) ? checks[message.type] : undefined;
  if (check === undefined) return [];
  const content = message[message.type];
  return isObject(content) ? check(asFields(content)) : [`${message.type} must be an object`];
}
