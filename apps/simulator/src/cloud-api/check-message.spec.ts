import { checkMessage } from './check-message';

const body = (fields: object) => ({ messaging_product: 'whatsapp', to: '+15550001111', ...fields });
const interactive = (fields: object) =>
  body({ type: 'interactive', interactive: { body: { text: 'Choose' }, ...fields } });
const reply = (id: string, title: string) => ({ type: 'reply', reply: { id, title } });
const rows = (count: number, prefix = 'r') =>
  Array.from({ length: count }, (_, index) => ({ id: `${prefix}${index}`, title: `Row ${index}` }));
const buttons = (...list: object[]) => interactive({ type: 'button', action: { buttons: list } });
const list = (fields: object) =>
  interactive({ type: 'list', action: { button: 'Open', sections: [{ rows: rows(3) }], ...fields } });
const template = (fields: object) =>
  body({ type: 'template', template: { name: 'order_ready', language: { code: 'en_US' }, ...fields } });

const check = (message: unknown) =>
  checkMessage(typeof message === 'string' ? message : JSON.stringify(message));
const codeOf = (message: unknown) => {
  const checked = check(message);
  return checked.kind === 'refused' ? checked.complaint.code : checked.kind;
};

describe('refuses with Meta’s code', () => {
  const text = { type: 'text', text: { body: 'hi' } };
  test.each<[string, number, unknown]>([
    ['a body that is not JSON', 100, '{"messaging_product":'],
    ['an array', 100, '[]'],
    ['null', 100, 'null'],
    ['no messaging_product', 100, { ...body(text), messaging_product: undefined }],
    ['another messaging_product', 100, { ...body(text), messaging_product: 'sms' }],
    ['an unknown parameter', 100, body({ ...text, priority: 'high' })],
    ['an inherited name as a parameter', 100, body({ ...text, toString: 'x' })],
    ['no recipient at all', 131008, body({ ...text, to: undefined })],
    ['an empty recipient', 131008, body({ ...text, to: '' })],
    ['a recipient with letters', 131009, body({ ...text, to: '+1555CALLME' })],
    ['a recipient of 4 digits', 131009, body({ ...text, to: '1234' })],
    ['a recipient of 16 digits', 131009, body({ ...text, to: '1234567890123456' })],
    ['a recipient that is a number', 131009, body({ ...text, to: 15550001111 })],
    ['a user id without country', 131009, body({ ...text, to: undefined, recipient: '1349' })],
    ['a user id of 129', 131009, body({ ...text, to: undefined, recipient: `US.${'1'.repeat(129)}` })],
    ['an unknown recipient type', 131009, body({ ...text, recipient_type: 'crowd' })],
    ['an unknown type', 131009, body({ type: 'hologram', hologram: {} })],
    ['an inherited name as a type', 131009, body({ type: 'constructor' })],
    ['no content', 131008, body({ type: 'text' })],
    ['content that is no object', 131009, body({ type: 'text', text: 'hi' })],
    ['an empty text', 131008, body({ type: 'text', text: { body: '' } })],
    ['a text of 4097', 100, body({ type: 'text', text: { body: 'x'.repeat(4097) } })],
    ['media without id and link', 131008, body({ type: 'image', image: { caption: 'x' } })],
    ['media by a file link', 131009, body({ type: 'image', image: { link: 'file:///etc/passwd' } })],
    ['a caption of 1025', 100, body({ type: 'video', video: { id: '1', caption: 'x'.repeat(1025) } })],
    ['a location without longitude', 131008, body({ type: 'location', location: { latitude: 1 } })],
    ['a latitude of 91', 131009, body({ type: 'location', location: { latitude: 91, longitude: 0 } })],
    ['no contact', 131008, body({ type: 'contacts', contacts: [] })],
    [
      'a contact with one name only',
      131008,
      body({ type: 'contacts', contacts: [{ name: { formatted_name: 'A' } }] }),
    ],
    ['a reaction to nothing', 131008, body({ type: 'reaction', reaction: { emoji: '👍' } })],
    ['a reaction without emoji', 131008, body({ type: 'reaction', reaction: { message_id: 'wamid.1' } })],
    ['a template without name', 131008, template({ name: undefined })],
    ['a template without language', 131008, template({ language: undefined })],
    ['a template without language code', 131008, template({ language: {} })],
    ['an unknown template component', 131009, template({ components: [{ type: 'sidebar' }] })],
    ['an unknown interactive kind', 131009, interactive({ type: 'slider', action: {} })],
    ['an interactive without action', 131008, interactive({ type: 'button' })],
    ['an interactive without body', 131008, interactive({ type: 'button', body: undefined, action: {} })],
    ['no button', 131009, buttons()],
    ['four buttons', 131009, buttons(...['a', 'b', 'c', 'd'].map((id) => reply(id, id)))],
    ['a button title of 21', 100, buttons(reply('a', 'x'.repeat(21)))],
    ['a button id twice', 131009, buttons(reply('a', 'Yes'), reply('a', 'No'))],
    ['a button title twice', 131009, buttons(reply('a', 'Yes'), reply('b', 'Yes'))],
    [
      'a button body of 1025',
      100,
      interactive({
        type: 'button',
        body: { text: 'x'.repeat(1025) },
        action: { buttons: [reply('a', 'b')] },
      }),
    ],
    [
      'a footer of 61',
      100,
      interactive({
        type: 'button',
        footer: { text: 'x'.repeat(61) },
        action: { buttons: [reply('a', 'b')] },
      }),
    ],
    [
      'a list with an image header',
      131009,
      interactive({
        type: 'list',
        header: { type: 'image', image: { id: '1' } },
        action: { button: 'x', sections: [{ rows: rows(1) }] },
      }),
    ],
    [
      'eleven rows in total',
      131009,
      list({
        sections: [
          { title: 'A', rows: rows(6, 'a') },
          { title: 'B', rows: rows(5, 'b') },
        ],
      }),
    ],
    ['sections without title', 131008, list({ sections: [{ rows: rows(1, 'a') }, { rows: rows(1, 'b') }] })],
    ['a row title of 25', 100, list({ sections: [{ rows: [{ id: '1', title: 'x'.repeat(25) }] }] })],
    ['a list without button', 131008, list({ button: undefined })],
    [
      'a link without url',
      131008,
      interactive({ type: 'cta_url', action: { name: 'cta_url', parameters: { display_text: 'Go' } } }),
    ],
    [
      'a flow of another version',
      131009,
      interactive({
        type: 'flow',
        action: { name: 'flow', parameters: { flow_id: '1', flow_message_version: '2', flow_cta: 'Go' } },
      }),
    ],
    ['callback data of 513', 100, body({ ...text, biz_opaque_callback_data: 'x'.repeat(513) })],
    ['a context without message id', 131008, body({ ...text, context: {} })],
    ['a read mark of nothing', 131008, { messaging_product: 'whatsapp', status: 'read' }],
    ['another status', 131009, { messaging_product: 'whatsapp', status: 'delivered', message_id: 'wamid.1' }],
  ])('%s: %d', (_, code, message) => {
    expect(codeOf(message)).toBe(code);
  });
});

describe('accepts', () => {
  test.each<[string, unknown]>([
    ['a text of 4096 emoji', body({ type: 'text', text: { body: '😀'.repeat(4096) } })],
    ['a text without type', body({ text: { body: 'hi' } })],
    ['callback data of 512', body({ text: { body: 'hi' }, biz_opaque_callback_data: 'x'.repeat(512) })],
    ['a user id', body({ to: undefined, recipient: 'US.1349', text: { body: 'hi' } })],
    ['a parent user id', body({ to: undefined, recipient: 'US.ENT.1349', text: { body: 'hi' } })],
    ['a removed reaction', body({ type: 'reaction', reaction: { message_id: 'wamid.1', emoji: '' } })],
    ['three buttons', buttons(reply('a', 'A'), reply('b', 'B'), reply('c', 'C'))],
    ['ten rows', list({ sections: [{ rows: rows(10) }] })],
    [
      'a template with parameters',
      template({ components: [{ type: 'body', parameters: [{ type: 'text', text: '42' }] }] }),
    ],
    [
      'an opaque kind as it is',
      interactive({ type: 'order_details', body: undefined, action: { anything: 1 } }),
    ],
    ['coordinates as text', body({ type: 'location', location: { latitude: '41.4', longitude: '2.2' } })],
    [
      'media by link',
      body({ type: 'document', document: { link: 'https://example.com/a.pdf', filename: 'a.pdf' } }),
    ],
  ])('%s', (_, message) => {
    expect(codeOf(message)).toBe('send');
  });

  it('takes a read mark with a typing indicator', () => {
    const mark = {
      messaging_product: 'whatsapp',
      status: 'read',
      message_id: 'wamid.1',
      typing_indicator: { type: 'text' },
    };
    expect(codeOf(mark)).toBe('read-mark');
  });

  it('prefers the phone when a user id is given too', () => {
    expect(check(body({ recipient: 'US.1', text: { body: 'hi' } }))).toMatchObject({
      send: { recipient: { kind: 'phone', input: '+15550001111', waId: '15550001111' } },
    });
  });
});
