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

const BODY_MAX = 1024;
const HEADER_KINDS = ['text', 'image', 'video', 'document'];

/** Kinds whose inside Meta checks by rules that are not written down; they pass as they are. */
const OPAQUE_KINDS = new Set([
  'product',
  'product_list',
  'catalog_message',
  'carousel',
  'order_details',
  'order_status',
  'address_message',
  'call_permission_request',
  'voice_call',
  'request_contact_info',
]);

const actionChecks: Readonly<Record<string, (action: Fields) => Complaint | undefined>> = {
  button: checkButtons,
  list: checkList,
  cta_url: checkLink,
  flow: checkFlow,
  location_request_message: (action) => checkName(action, 'send_location'),
};

export function checkInteractive(interactive: Fields): Complaint | undefined {
  const kind = interactive.type;
  if (kind === undefined) return missing("interactive['type']");
  if (typeof kind !== 'string') return invalid("interactive['type']", 'be a string');
  if (OPAQUE_KINDS.has(kind)) return undefined;
  const checkAction = Object.hasOwn(actionChecks, kind) ? actionChecks[kind] : undefined;
  if (checkAction === undefined) return invalid("interactive['type']", 'be a known kind');
  const { action } = interactive;
  return (
    checkBody(interactive.body, kind) ??
    checkHeader(interactive.header, kind) ??
    checkFooter(interactive.footer) ??
    (isFields(action) ? checkAction(action) : missing("interactive['action']"))
  );
}

function checkBody(body: unknown, kind: string): Complaint | undefined {
  if (!isFields(body)) return missing("interactive['body']");
  return requiredText(body, 'text', "interactive['body']['text']", kind === 'list' ? 4096 : BODY_MAX);
}

function checkHeader(header: unknown, kind: string): Complaint | undefined {
  const path = "interactive['header']";
  if (header === undefined || header === null) return undefined;
  if (!isFields(header)) return invalid(path, 'be an object');
  const kinds = kind === 'list' ? ['text'] : HEADER_KINDS;
  if (typeof header.type !== 'string' || !kinds.includes(header.type)) {
    return invalid(`${path}['type']`, `be one of ${kinds.join(', ')}`);
  }
  if (header.type === 'text') return requiredText(header, 'text', `${path}['text']`, 60);
  return isFields(header[header.type]) ? undefined : missing(`${path}['${header.type}']`);
}

function checkFooter(footer: unknown): Complaint | undefined {
  if (footer === undefined || footer === null) return undefined;
  if (!isFields(footer)) return invalid("interactive['footer']", 'be an object');
  return requiredText(footer, 'text', "interactive['footer']['text']", 60);
}

function checkButtons({ buttons }: Fields): Complaint | undefined {
  const path = "interactive['action']['buttons']";
  if (!Array.isArray(buttons)) return missing(path);
  if (buttons.length < 1 || buttons.length > 3) return invalid(path, 'hold 1 to 3 buttons');
  const replies = buttons.map((button: unknown) =>
    isFields(button) && button.type === 'reply' && isFields(button.reply) ? button.reply : undefined,
  );
  return (
    firstComplaint(replies, (reply, index) =>
      reply === undefined
        ? invalid(`${path}[${index}]`, 'be {type: reply, reply: {id, title}}')
        : (requiredText(reply, 'id', `${path}[${index}]['reply']['id']`, 256) ??
          requiredText(reply, 'title', `${path}[${index}]['reply']['title']`, 20)),
    ) ??
    unique(replies, 'id', path) ??
    unique(replies, 'title', path)
  );
}

function checkList({ button, sections }: Fields): Complaint | undefined {
  const path = "interactive['action']['sections']";
  const label = requiredText({ button }, 'button', "interactive['action']['button']", 20);
  if (label !== undefined) return label;
  if (!Array.isArray(sections)) return missing(path);
  if (sections.length < 1 || sections.length > 10) return invalid(path, 'hold 1 to 10 sections');
  const rows = sections.flatMap((section: unknown) =>
    isFields(section) && Array.isArray(section.rows) ? (section.rows as unknown[]) : [],
  );
  return (
    firstComplaint(sections, (section, index) =>
      checkSection(section, `${path}[${index}]`, sections.length > 1),
    ) ??
    (rows.length > 10 ? invalid(path, 'hold at most 10 rows in total') : undefined) ??
    unique(rows, 'id', path)
  );
}

function checkSection(section: unknown, path: string, needsTitle: boolean): Complaint | undefined {
  if (!isFields(section)) return invalid(path, 'be an object');
  const { rows } = section;
  if (!Array.isArray(rows) || rows.length === 0) return missing(`${path}['rows']`);
  const checkTitle = needsTitle ? requiredText : optionalText;
  return (
    checkTitle(section, 'title', `${path}['title']`, 24) ??
    firstComplaint(rows, (row: unknown, index) => {
      const at = `${path}['rows'][${index}]`;
      if (!isFields(row)) return invalid(at, 'be an object');
      return (
        requiredText(row, 'id', `${at}['id']`, 200) ??
        requiredText(row, 'title', `${at}['title']`, 24) ??
        optionalText(row, 'description', `${at}['description']`, 72)
      );
    })
  );
}

function checkLink(action: Fields): Complaint | undefined {
  const path = "interactive['action']['parameters']";
  const { parameters } = action;
  const name = checkName(action, 'cta_url');
  if (name !== undefined) return name;
  if (!isFields(parameters)) return missing(path);
  return (
    requiredText(parameters, 'display_text', `${path}['display_text']`, 20) ??
    requiredText(parameters, 'url', `${path}['url']`) ??
    (URL.canParse(String(parameters.url)) ? undefined : invalid(`${path}['url']`, 'be a URL'))
  );
}

function checkFlow(action: Fields): Complaint | undefined {
  const path = "interactive['action']['parameters']";
  const { parameters } = action;
  const name = checkName(action, 'flow');
  if (name !== undefined) return name;
  if (!isFields(parameters)) return missing(path);
  if (parameters.flow_id === undefined && parameters.flow_name === undefined) {
    return missing(`${path}['flow_id']`);
  }
  if (parameters.flow_message_version !== '3') return invalid(`${path}['flow_message_version']`, 'be "3"');
  return requiredText(parameters, 'flow_cta', `${path}['flow_cta']`, 20);
}

function checkName(action: Fields, name: string): Complaint | undefined {
  if (action.name === undefined) return missing("interactive['action']['name']");
  return action.name === name ? undefined : invalid("interactive['action']['name']", `be ${name}`);
}

function unique(items: readonly unknown[], key: string, path: string): Complaint | undefined {
  const values = items.map((item) => (isFields(item) ? item[key] : undefined));
  return new Set(values).size === values.length ? undefined : invalid(path, `have each ${key} only once`);
}
