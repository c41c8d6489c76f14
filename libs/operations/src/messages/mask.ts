/**
 * A phone or user id, of which only the last four characters are told: enough to compare with one that somebody names. An id without a person behind it,
 * like `business`, stays.
 */
export function maskIdentity(identity: string | null): string | null {
  if (identity === null || !/\d/.test(identity)) return identity;
  return identity.length <= 4 ? '****' : `****${identity.slice(-4)}`;
}
