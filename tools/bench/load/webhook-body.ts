/** Where a webhook body of the benchmarks has its changing digits; everything else is the same in all of them. */
export type BodyTemplate = {
  readonly bytes: Buffer;
  readonly items: number;
  readonly phones: readonly number[];
  readonly sequences: readonly number[];
};

const PHONES = 10_000;
const PHONE = { mark: 'P'.repeat(11), first: 15_550_100_000 };
const SEQUENCE = { mark: 'Q'.repeat(12), digits: 12 };
/** What stands before the number in an id; long enough to be found nowhere else. */
const BEFORE_SEQUENCE = Buffer.from('wamid.HBgLMTU1NTAxMDQwMDEVAgASGBQzQjA2');
/** JSON as Meta writes it: everything beyond ASCII is escaped. */
const TEXT =
  'Hello! Is the order of last Tuesday on its way already? The shop in M\\u00fcnchen said it would be at my door by Friday, ' +
  'and I have not heard of it since. Thanks a lot \\ud83d\\ude4f';

/** A notification of `items` text messages, each of another sender. About 700 bytes with one item. */
export function makeTemplate(items: number): BodyTemplate {
  const contact = `{"profile":{"name":"Rosa Lindqvist"},"wa_id":"${PHONE.mark}","user_id":"US.40${PHONE.mark}"}`;
  const message =
    `{"from":"${PHONE.mark}","from_user_id":"US.40${PHONE.mark}","id":"${BEFORE_SEQUENCE.toString()}${SEQUENCE.mark}AA==",` +
    `"timestamp":"1763900001","text":{"body":"${TEXT}"},"type":"text"}`;
  const many = (one: string) => Array<string>(items).fill(one).join(',');
  const bytes = Buffer.from(
    '{"object":"whatsapp_business_account","entry":[{"id":"730001000000001","changes":[{"value":{"messaging_product":"whatsapp",' +
      '"metadata":{"display_phone_number":"15550104000","phone_number_id":"740001000000001"},' +
      `"contacts":[${many(contact)}],"messages":[${many(message)}]},"field":"messages"}]}]}`,
  );
  return {
    bytes,
    items,
    phones: placesOf(PHONE.mark, bytes),
    sequences: placesOf(SEQUENCE.mark, bytes),
  };
}

/** Turns a copy of the template into the body whose first item has number `sequence`, the next the number after it, and so on. */
export function fillBody(target: Buffer, { items, phones, sequences }: BodyTemplate, sequence: number): void {
  for (let item = 0; item < items; item++) {
    const phone = PHONE.first + (((sequence + item) * 7919) % PHONES);
    // Each phone stands twice in its contact and twice in its message.
    for (const place of [2 * item, 2 * item + 1, 2 * (items + item), 2 * (items + item) + 1]) {
      writeDigits(target, phones[place] ?? 0, phone, PHONE.mark.length);
    }
    writeDigits(target, sequences[item] ?? 0, sequence + item, SEQUENCE.digits);
  }
}

/** The number of the first item in these bytes of a body, or of a record made of one; undefined when there is none. */
export function sequenceIn(bytes: Buffer): number | undefined {
  const found = bytes.indexOf(BEFORE_SEQUENCE);
  if (found < 0) return undefined;
  const start = found + BEFORE_SEQUENCE.length;
  return Number(bytes.toString('latin1', start, start + SEQUENCE.digits));
}

function placesOf(mark: string, bytes: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) places.push(at);
  return places;
}

function writeDigits(target: Buffer, start: number, value: number, digits: number): void {
  for (let at = start + digits - 1, rest = value; at >= start; at--, rest = Math.floor(rest / 10)) {
    target[at] = 48 + (rest % 10);
  }
}
