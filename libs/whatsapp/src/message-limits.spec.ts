import { checkMessage } from './message-limits';

type Content = Readonly<Record<string, unknown>>;
const x = (length: number) => 'x'.repeat(length);
const body = { text: 'b' };

const interactive = (content: Content) => ({ type: 'interactive', interactive: { body, ...content } });
const button = (id: string, title: string) => ({ type: 'reply', reply: { id, title } });
const withButtons = (buttons: readonly unknown[], more: Content = {}) =>
  interactive({ type: 'button', action: { buttons }, ...more });
const rows = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ id: `r${from + index}`, title: `t${index}` }));
const withSections = (sections: readonly unknown[], more: Content = {}, buttonText = 'menu') =>
  interactive({ type: 'list', action: { button: buttonText, sections }, ...more });
const cta = (parameters: Content) =>
  interactive({ type: 'cta_url', action: { name: 'cta_url', parameters } });
const flow = (flow_cta: string) =>
  interactive({
    type: 'flow',
    action: { name: 'flow', parameters: { flow_message_version: '3', flow_id: '1', flow_cta } },
  });

const passes: readonly [string, { type: string } & Content][] = [
  ['a text of 4096', { type: 'text', text: { body: x(4096) } }],
  ['a text of 4096 characters beyond the basic plane', { type: 'text', text: { body: '😀'.repeat(4096) } }],
  ['an image by id with a caption of 1024', { type: 'image', image: { id: '1', caption: x(1024) } }],
  ['a video by link', { type: 'video', video: { link: 'https://x' } }],
  ['a document', { type: 'document', document: { id: '1', filename: 'f' } }],
  ['audio', { type: 'audio', audio: { id: '1', voice: true } }],
  ['a sticker', { type: 'sticker', sticker: { id: '1' } }],
  ['a location', { type: 'location', location: { latitude: 0, longitude: -1.5 } }],
  ['a location in texts', { type: 'location', location: { latitude: '52.1', longitude: '-0' } }],
  ['contacts', { type: 'contacts', contacts: [{ name: { formatted_name: 'A', first_name: 'A' } }] }],
  ['a reaction that is taken back', { type: 'reaction', reaction: { message_id: 'w', emoji: '' } }],
  ['a template', { type: 'template', template: { name: 'n', language: { code: 'en_US' } } }],
  ['three buttons at their limits', withButtons([button(x(256), x(20)), button('b', '2'), button('c', '3')])],
  [
    'a button message with all its parts',
    withButtons([button('a', '1')], {
      body: { text: x(1024) },
      header: { type: 'text', text: x(60) },
      footer: { text: x(60) },
    }),
  ],
  [
    'a button message with an image',
    withButtons([button('a', '1')], { header: { type: 'image', image: { id: '1' } } }),
  ],
  [
    'a list of ten rows',
    withSections([
      { title: x(24), rows: rows(6) },
      { title: 't', rows: rows(4, 6) },
    ]),
  ],
  [
    'a list of one section without a title',
    withSections(
      [{ rows: [{ id: x(200), title: x(24), description: x(72) }] }],
      { body: { text: x(4096) } },
      x(20),
    ),
  ],
  ['a link button', cta({ display_text: x(20), url: 'https://x' })],
  ['a flow', flow(x(20))],
  [
    'a request for the location',
    interactive({ type: 'location_request_message', action: { name: 'send_location' } }),
  ],
  ['an interactive type that we do not know', interactive({ type: 'carousel', action: {} })],
  ['a type that we do not know', { type: 'hologram', hologram: {} }],
  ['a type that is a name of every object', { type: 'constructor', constructor: {} }],
  ['another', { type: '__proto__' }],
];

it.each(passes)('lets pass %s', (_title, message) => expect(checkMessage(message)).toEqual([]));

const refused: readonly [string, { type: string } & Content, RegExp][] = [
  ['a text of 4097', { type: 'text', text: { body: x(4097) } }, /text\.body is longer/],
  ['an empty text', { type: 'text', text: { body: '' } }, /text\.body must/],
  ['a text without content', { type: 'text' }, /text must be an object/],
  ['a list for content', { type: 'text', text: [] }, /text must be an object/],
  ['a text that is a number', { type: 'text', text: { body: 5 } }, /text\.body must/],
  ['an image without id or link', { type: 'image', image: {} }, /id or a link/],
  ['an image with both', { type: 'image', image: { id: '1', link: 'https://x' } }, /not both/],
  ['a caption of 1025', { type: 'image', image: { id: '1', caption: x(1025) } }, /caption is longer/],
  ['a location without a longitude', { type: 'location', location: { latitude: 1 } }, /longitude/],
  [
    'a location that is no number',
    { type: 'location', location: { latitude: '', longitude: 'x' } },
    /latitude/,
  ],
  [
    'a location that cannot even be read as one',
    { type: 'location', location: { latitude: { valueOf: 1, toString: 1 }, longitude: 1 } },
    /latitude/,
  ],
  ['no contacts', { type: 'contacts', contacts: [] }, /contacts/],
  [
    'a contact without a formatted name',
    { type: 'contacts', contacts: [{ name: { first_name: 'A' } }] },
    /formatted_name/,
  ],
  [
    'a contact with that alone',
    { type: 'contacts', contacts: [{ name: { formatted_name: 'A' } }] },
    /one part more/,
  ],
  ['a reaction to nothing', { type: 'reaction', reaction: { emoji: 'x' } }, /message_id/],
  ['a template without a language', { type: 'template', template: { name: 'n' } }, /language/],
  [
    'components that are no list',
    { type: 'template', template: { name: 'n', language: { code: 'en' }, components: {} } },
    /components/,
  ],
  ['no button', withButtons([]), /1 to 3/],
  ['four buttons', withButtons(['1', '2', '3', '4'].map((n) => button(n, n))), /1 to 3/],
  ['a button title of 21', withButtons([button('a', x(21))]), /title is longer/],
  ['a button id of 257', withButtons([button(x(257), 'a')]), /id is longer/],
  ['equal button titles', withButtons([button('a', 'same'), button('b', 'same')]), /title must differ/],
  ['equal button ids', withButtons([button('a', '1'), button('a', '2')]), /id must differ/],
  [
    'a button body of 1025',
    withButtons([button('a', '1')], { body: { text: x(1025) } }),
    /body\.text is longer/,
  ],
  ['no body', withButtons([button('a', '1')], { body: undefined }), /body\.text must/],
  [
    'a header of 61',
    withButtons([button('a', '1')], { header: { type: 'text', text: x(61) } }),
    /header\.text is longer/,
  ],
  ['a footer of 61', withButtons([button('a', '1')], { footer: { text: x(61) } }), /footer\.text is longer/],
  [
    'eleven rows in all',
    withSections([
      { title: 'a', rows: rows(6) },
      { title: 'b', rows: rows(5, 6) },
    ]),
    /1 to 10 rows/,
  ],
  ['no rows', withSections([{ rows: [] }]), /1 to 10 rows/],
  [
    'eleven sections',
    withSections(Array.from({ length: 11 }, (_, n) => ({ title: 't', rows: rows(1, n) }))),
    /must be 1 to 10/,
  ],
  [
    'two sections without titles',
    withSections([{ rows: rows(1) }, { rows: rows(1, 1) }]),
    /sections\.title must/,
  ],
  ['a section title of 25', withSections([{ title: x(25), rows: rows(1) }]), /sections\.title is longer/],
  ['a row id of 201', withSections([{ rows: [{ id: x(201), title: 't' }] }]), /rows\.id is longer/],
  ['a row title of 25', withSections([{ rows: [{ id: 'r', title: x(25) }] }]), /rows\.title is longer/],
  [
    'a row description of 73',
    withSections([{ rows: [{ id: 'r', title: 't', description: x(73) }] }]),
    /description is longer/,
  ],
  ['a list button of 21', withSections([{ rows: rows(1) }], {}, x(21)), /action\.button is longer/],
  [
    'a list with an image',
    withSections([{ rows: rows(1) }], { header: { type: 'image', image: { id: '1' } } }),
    /header of a list/,
  ],
  ['a link button text of 21', cta({ display_text: x(21), url: 'https://x' }), /display_text is longer/],
  ['a link button without a link', cta({ display_text: 'x' }), /url must/],
  ['a flow button of 21', flow(x(21)), /flow_cta is longer/],
  ['no interactive type', interactive({}), /interactive\.type/],
];

it.each(refused)('refuses %s, and names the field without its content', (_title, message, problem) => {
  const problems = checkMessage(message);
  expect(problems.join('\n')).toMatch(problem);
  expect(problems.join('\n')).not.toContain('xxxx');
});
