import { open } from '@talaria/registry';
import { type CloudApiClient, errorCatalogue, type LookUpResult, type NumberAtMeta } from '@talaria/whatsapp';
import { sqlOf } from '@talaria/database';
import { UnreachableError } from '../errors';
import { type SealingAccess } from '../registry/registry';
import { type ListedNumber, listNumbers, showNumber } from './numbers';

export type MetaAccess = Pick<CloudApiClient, 'lookUp'>;

/** What Meta says of a number with the token that it sends with. */
export type TestedNumber = {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly verifiedName: string | null;
  readonly qualityRating: string | null;
  readonly status: string | null;
  /** What keeps it from sending, or will; each with what to do. Empty when it is well. */
  readonly problems: readonly Problem[];
};

export type Problem = { readonly problem: string; readonly remedy: string };

/** Asks Meta about a number. @throws {UnreachableError} when Meta does not answer */
export async function testNumber(
  access: SealingAccess,
  meta: MetaAccess,
  phoneNumberId: string,
): Promise<TestedNumber> {
  return test(access, meta, await showNumber(access.dataSource, phoneNumberId));
}

/** The same for each number of an account. */
export async function testAccount(
  access: SealingAccess,
  meta: MetaAccess,
  wabaId: string,
): Promise<TestedNumber[]> {
  const tested: TestedNumber[] = [];
  for (const number of await listNumbers(access.dataSource, wabaId))
    tested.push(await test(access, meta, number));
  return tested;
}

/**
 * Whether Meta takes a token for a number, before it is stored.
 * @throws with what to do when it does not
 */
export async function checkToken(
  meta: MetaAccess,
  phoneNumberId: string,
  accessToken: string,
): Promise<NumberAtMeta> {
  const found = await meta.lookUp(phoneNumberId, accessToken);
  if (found.kind === 'found') return found.number;
  if (found.kind === 'away') throw away(found.reason);
  const { problem, remedy } = refusal(found, phoneNumberId);
  throw new Error(`${problem}; nothing was stored: ${remedy}`);
}

async function test(access: SealingAccess, meta: MetaAccess, number: ListedNumber): Promise<TestedNumber> {
  const { phoneNumberId, wabaId } = number;
  const unknown = { verifiedName: null, qualityRating: null, status: null };
  const token = await tokenOf(access, number);
  if (token === undefined) return { phoneNumberId, wabaId, ...unknown, problems: [noToken(number)] };
  const found = await meta.lookUp(phoneNumberId, token);
  if (found.kind === 'away') throw away(found.reason);
  if (found.kind === 'refused')
    return { phoneNumberId, wabaId, ...unknown, problems: [refusal(found, phoneNumberId)] };
  const { verifiedName = null, qualityRating = null, status = null } = found.number;
  return {
    ...{ phoneNumberId, wabaId, verifiedName, qualityRating, status },
    problems: problemsOf(number, found.number),
  };
}

/** @throws {SealError} when it does not open */
async function tokenOf(
  { dataSource, keys }: SealingAccess,
  { phoneNumberId, wabaId }: ListedNumber,
): Promise<string | undefined> {
  const [row] = await sqlOf(dataSource)<{ own: string | null; account: string | null }>(
    `SELECT n.access_token AS own, w.access_token AS account FROM phone_numbers n JOIN wabas w USING (waba_id) WHERE n.phone_number_id = $1`,
    [phoneNumberId],
  );
  if (row?.own != null)
    return open(keys, { table: 'phone_numbers', id: phoneNumberId, column: 'access_token' }, row.own);
  if (row?.account != null)
    return open(keys, { table: 'wabas', id: wabaId, column: 'access_token' }, row.account);
  return undefined;
}

const noToken = ({ phoneNumberId, wabaId }: ListedNumber): Problem => ({
  problem: 'it has no token, and neither has its account',
  remedy: `store one: \`talaria accounts rotate-token ${wabaId}\`, or \`talaria numbers rotate-token ${phoneNumberId}\` for this number alone`,
});

const away = (reason: string) =>
  new UnreachableError(
    `Meta does not answer (${reason}): check GRAPH_API_URL and the way there, or try again later`,
  );

function refusal({ error }: Extract<LookUpResult, { kind: 'refused' }>, phoneNumberId: string): Problem {
  const { code, title } = error;
  const meaning = errorCatalogue[code]?.meaning ?? title;
  return {
    problem: `Meta refuses (${code}: ${meaning})`,
    remedy: remedyOf(code, phoneNumberId),
  };
}

function remedyOf(code: number, phoneNumberId: string): string {
  if ([0, 104, 190].includes(code))
    return `make a new token for the system user in Meta's business settings, and store it with \`talaria numbers rotate-token ${phoneNumberId}\`, or for its whole account with \`talaria accounts rotate-token\``;
  if (code === 3 || code === 10 || code === 131005 || (code >= 200 && code <= 299))
    return 'give the system user of this token the account as an asset, and the permission whatsapp_business_messaging';
  if (code === 33 || code === 100)
    return 'check the phone number id in the WhatsApp manager, and that the token may see its account; when the number is gone, remove it';
  if (errorCatalogue[code]?.class.startsWith('rate-') === true) return 'try again in some minutes';
  return 'look at the account in the WhatsApp manager: it says what Meta wants to be done';
}

/** What is not well with a number that Meta shows. */
export function problemsOf(registered: ListedNumber, found: NumberAtMeta): Problem[] {
  const { phoneNumberId, wabaId, displayPhoneNumber, messagesPerSecond } = registered;
  const problems: Problem[] = [];
  const { status, qualityRating, throughput } = found;
  const digits = (text: string) => text.replaceAll(/\D/g, '');
  if (
    found.displayPhoneNumber !== undefined &&
    digits(found.displayPhoneNumber) !== digits(displayPhoneNumber)
  )
    problems.push({
      problem: 'Meta has another phone number under this id',
      remedy: `check the id; then \`talaria numbers remove ${phoneNumberId}\` and add it as it is`,
    });
  if (status !== undefined && status !== 'CONNECTED')
    problems.push({
      problem: `its status is ${status}`,
      remedy: `register it in the WhatsApp manager; until then \`talaria numbers pause ${phoneNumberId}\` keeps its messages`,
    });
  if (qualityRating === 'RED')
    problems.push({
      problem: 'its quality is RED',
      remedy: `stop campaigns before Meta restricts it: people block or report what account ${wabaId} sends`,
    });
  if (throughput === 'HIGH' && messagesPerSecond < 1000)
    problems.push({
      problem: `Meta allows it 1000 messages a second, the registry ${messagesPerSecond}`,
      remedy: `\`talaria numbers set-rate ${phoneNumberId} 1000\``,
    });
  if (throughput === 'STANDARD' && messagesPerSecond > 80)
    problems.push({
      problem: `Meta allows it 80 messages a second, the registry ${messagesPerSecond}`,
      remedy: `\`talaria numbers set-rate ${phoneNumberId} 80\``,
    });
  return problems;
}
