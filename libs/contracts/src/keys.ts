/** Who a webhook item is about, as far as Meta told. */
export type Parties = {
  /** The person's phone as Meta writes it: digits, perhaps with signs around them. */
  readonly phone?: string | undefined;
  /** The person's business-scoped user id. */
  readonly userId?: string | undefined;
  readonly wabaId?: string | undefined;
};

/** No phone or id of Meta's comes near it; what is longer is none. */
const MAX_KEY = 256;

/**
 * The key of a webhook item: the person's phone (digits only), so that one person's items stay in order; without a phone the
 * user id; for what concerns the account, the WABA id; else `fallback`, which only has to be stable for the item.
 */
export function webhookKey({ phone, userId, wabaId }: Parties, fallback: string): string {
  const fits = (id: string | undefined) => (id !== undefined && id.length <= MAX_KEY ? id : undefined);
  return firstFilled(fits(phone?.replace(/\D/g, '')), fits(userId?.trim()), fits(wabaId?.trim())) ?? fallback;
}

/** The key of an event about a person; falls back to the account. */
export function contactKey(parties: Parties): string {
  return webhookKey(parties, 'unknown');
}

function firstFilled(...candidates: (string | undefined)[]): string | undefined {
  return candidates.find((candidate) => candidate !== undefined && candidate !== '');
}
