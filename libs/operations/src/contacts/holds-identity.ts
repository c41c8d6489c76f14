/** Whether bytes of any kind name a phone or user id: as a whole, not as a part of a longer number or word. */
export function holdsIdentity(bytes: Buffer, identities: readonly string[]): boolean {
  return identities.some((identity) => {
    for (let at = bytes.indexOf(identity); at >= 0; at = bytes.indexOf(identity, at + 1)) {
      if (!isOfWord(bytes[at - 1]) && !isOfWord(bytes[at + Buffer.byteLength(identity)])) return true;
    }
    return false;
  });
}

const isOfWord = (byte: number | undefined) =>
  byte !== undefined && /^[0-9A-Za-z]$/.test(String.fromCharCode(byte));
