import { type PhoneNumber, type Waba } from '@talaria/database';
import { type Logger } from '@talaria/observability';
import { type KeyProvider, open, type Place, SealError } from '@talaria/registry';

/** A number as it sends. */
export type BusinessNumber = Omit<PhoneNumber, 'accessToken'> & {
  /** Opened: its own, else its account's; undefined while there is none that opens. Then it is paused, and nothing may be sent. */
  readonly accessToken: string | undefined;
};

export type TokenOpener = {
  /**
   * Opens what has changed since the last call, and tries again what could not be opened then. Logs what is wrong with a token once, and once more
   * when it is well again.
   */
  open(
    numbers: readonly PhoneNumber[],
    accounts: readonly Waba[],
  ): Promise<ReadonlyMap<string, BusinessNumber>>;
  /** How many numbers and accounts have a token that does not open, or have none and need one. */
  readonly faults: number;
};

type Owner = { readonly place: Place; readonly sealed: string };
type Opened = { readonly sealed: string; readonly token: string };

/** A number that is paused for want of a token stays so until it has one. */
const UNTIL_MENDED = Infinity;

export function createTokenOpener(keys: KeyProvider, logger: Logger): TokenOpener {
  let opened = new Map<string, Opened>();
  /** By row: what was logged of it. */
  let faults = new Map<string, string>();

  /** @returns the tokens, and what is wrong with the others, by `ownerId` */
  async function openAll(owners: readonly Owner[]) {
    const now = new Map<string, Opened>();
    const wrong = new Map<string, SealError>();
    const openOne = async ({ place, sealed }: Owner) => {
      const id = ownerId(place);
      const before = opened.get(id);
      try {
        now.set(id, before?.sealed === sealed ? before : { sealed, token: await open(keys, place, sealed) });
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        wrong.set(id, error);
      }
    };
    await Promise.all(owners.map(openOne));
    return { now, wrong };
  }

  function report(next: Map<string, string>, fields: (id: string) => object): void {
    for (const [id, message] of next) if (faults.get(id) !== message) logger.error(fields(id), message);
    for (const id of faults.keys()) if (!next.has(id)) logger.info({ row: id }, 'its token is well again');
    faults = next;
  }

  return {
    async open(numbers, accounts) {
      const { now, wrong } = await openAll([...numbers.map(ownerOf), ...accounts.map(ownerOf)].flat());
      opened = now;
      const next = new Map(
        [...wrong].map(([id, { message }]) => [id, `${message}. Commands wait until then`]),
      );
      const senders = numbers.map((number): BusinessNumber => {
        const { accessToken: own, ...row } = number;
        const { phoneNumberId, wabaId } = row;
        const id = `phone_numbers/${phoneNumberId}`;
        const ownerToken = own === null ? `wabas/${wabaId}` : id;
        const accessToken = now.get(ownerToken)?.token;
        if (accessToken !== undefined) return { ...row, accessToken };
        if (!wrong.has(ownerToken))
          next.set(
            id,
            `${id} has no token, and neither has its account: store one with \`talaria accounts rotate-token ${wabaId}\`. Commands wait until then`,
          );
        return { ...row, accessToken, pausedUntil: UNTIL_MENDED };
      });
      report(next, (id) => ({
        row: id,
        keyId: wrong.get(id)?.keyId,
        reason: wrong.get(id)?.reason ?? 'missing',
      }));
      return new Map(senders.map((sender) => [sender.phoneNumberId, sender]));
    },
    get faults() {
      return faults.size;
    },
  };
}

const ownerId = ({ table, id }: Place) => `${table}/${id}`;

function ownerOf(row: PhoneNumber | Waba): Owner[] {
  const { accessToken: sealed } = row;
  if (sealed === null) return [];
  const place =
    'phoneNumberId' in row
      ? ({ table: 'phone_numbers', id: row.phoneNumberId, column: 'access_token' } as const)
      : ({ table: 'wabas', id: row.wabaId, column: 'access_token' } as const);
  return [{ place, sealed }];
}
