import { randomBytes } from 'node:crypto';

/**
 * WhatsApp's id of a phone is not always the number that was dialled: Mexico's mobiles carry a 1 after the country
 * code, and most of Brazil's lack the ninth digit.
 * @param digits a phone number without `+`
 */
export function waIdOf(digits: string): string {
  if (digits.length === 12 && digits.startsWith('52')) return `521${digits.slice(2)}`;
  if (digits.length === 13 && digits.startsWith('55') && digits[4] === '9' && digits.slice(2, 4) >= '31') {
    return digits.slice(0, 4) + digits.slice(5);
  }
  return digits;
}

const COUNTRIES: readonly (readonly [prefix: string, country: string])[] = [
  ['1', 'US'],
  ['33', 'FR'],
  ['34', 'ES'],
  ['44', 'GB'],
  ['49', 'DE'],
  ['52', 'MX'],
  ['55', 'BR'],
  ['91', 'IN'],
];

/** The business-scoped user id of a person. We let all WABAs belong to one portfolio, so there is one for each person. */
export function userIdOf(waId: string): string {
  const country = COUNTRIES.find(([prefix]) => waId.startsWith(prefix))?.[1] ?? 'ZZ';
  return `${country}.13${Array.from(waId).reverse().join('')}`;
}

const OUTBOUND = 0x11;
const INBOUND = 0x12;

/**
 * Makes wamids of the form that real ones decode to: the other party's digits, a mark for the direction and a hex id.
 * Unique over restarts too, since products keep them for good.
 */
export class WamidSource {
  private readonly start = randomBytes(5).toString('hex').toUpperCase();
  private made = 0;

  outbound(recipient: string): string {
    return this.make(recipient, OUTBOUND, '');
  }

  inbound(sender: string): string {
    return this.make(sender, INBOUND, '3A');
  }

  private make(party: string, direction: number, mark: string): string {
    this.made += 1;
    const digits = party.replace(/\D/g, '').slice(0, 15).padStart(7, '0');
    const hex = mark + this.start + this.made.toString(16).toUpperCase().padStart(8, '0');
    const start = String.fromCharCode(0x1c, 0x18, digits.length);
    const middle = String.fromCharCode(0x15, 0x02, 0x00, direction, 0x18, hex.length);
    return `wamid.${Buffer.from(`${start}${digits}${middle}${hex}\0`, 'latin1').toString('base64')}`;
  }
}
