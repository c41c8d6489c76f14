import { createHash } from 'node:crypto';
import { parseSendMessage, type SendMessage } from '@talaria/contracts';
import { type Sql } from '@talaria/database';
import { checkMessage } from '@talaria/whatsapp';
import { type Draft } from './draft';

export type CheckedCommand = { readonly line: number; readonly command: SendMessage };
export type FaultyLine = { readonly line: number; readonly problems: readonly string[] };

export type CheckedDrafts = {
  readonly commands: readonly CheckedCommand[];
  /** Problems name fields, never their contents. */
  readonly faulty: readonly FaultyLine[];
};

/** More says no more. */
const MOST_PROBLEMS = 5;

/**
 * Whether the dispatcher will take these, asked before anything is published: it checks the same, and the registry for their numbers. What has no id is given
 * one, of the batch, its sender, its recipient and its message: the same again, in this file or in another of the same batch, is the same command, of which
 * there is one message. So a line that says the same as one before it is a fault.
 * @param now milliseconds since 1970
 */
export async function checkDrafts(
  sql: Sql,
  drafts: readonly Draft[],
  { batch, now }: { readonly batch: string; readonly now: number },
): Promise<CheckedDrafts> {
  const accounts = await readAccounts(
    sql,
    drafts.map(({ fields }) => fields.phoneNumberId),
  );
  const lineOfId = new Map<string, number>();
  const commands: CheckedCommand[] = [];
  const faulty: FaultyLine[] = [];
  for (const { line, fields, problems: unread = [] } of drafts) {
    const { command, problems } =
      unread.length > 0 ? { command: undefined, problems: unread } : check(fields, accounts, batch, now);
    const id = command === undefined ? '' : `${command.wabaId}/${command.id}`;
    const before = lineOfId.get(id);
    if (command === undefined) faulty.push({ line, problems: problems.slice(0, MOST_PROBLEMS) });
    else if (before !== undefined)
      faulty.push({
        line,
        problems: [`it has the id of line ${before}, or says the same to the same person`],
      });
    else {
      lineOfId.set(id, line);
      commands.push({ line, command });
    }
  }
  return { commands, faulty };
}

type Fields = Draft['fields'];

function check(
  fields: Fields,
  accounts: ReadonlyMap<string, string>,
  batch: string,
  now: number,
): { readonly command: SendMessage | undefined; readonly problems: readonly string[] } {
  const { phoneNumberId } = fields;
  if (phoneNumberId === undefined)
    return { command: undefined, problems: ['no sender: give phoneNumberId (the column from, or --from)'] };
  if (fields.message === undefined)
    return { command: undefined, problems: ['no message: give a text or a template'] };
  const wabaId = typeof phoneNumberId === 'string' ? accounts.get(phoneNumberId) : undefined;
  if (wabaId === undefined)
    return {
      command: undefined,
      problems: ['phoneNumberId is not in the registry: see talaria numbers list'],
    };
  const whole = { wabaId, ...fields };
  const parsed = parseSendMessage(Buffer.from(JSON.stringify({ id: idOf(whole, batch), ...whole })));
  if (!parsed.ok) return { command: undefined, problems: parsed.problems };
  const problems = problemsOf(parsed.command, wabaId, now);
  return { command: problems.length === 0 ? parsed.command : undefined, problems };
}

function problemsOf({ expiresAt, wabaId, message }: SendMessage, owner: string, now: number): string[] {
  return [
    ...(wabaId === owner ? [] : ['phoneNumberId belongs to another account than wabaId']),
    ...(expiresAt !== undefined && Date.parse(expiresAt) <= now ? ['expiresAt has passed'] : []),
    ...checkMessage(message),
  ];
}

/** Who sends what to whom. What only says how, like a priority, makes no other message of it. */
function idOf({ wabaId, phoneNumberId, to, recipient, message }: Fields, batch: string): string {
  const what = JSON.stringify([wabaId, phoneNumberId, to ?? null, recipient ?? null, message], sortKeys);
  return `${batch}:${createHash('sha256').update(what).digest('hex').slice(0, 32)}`;
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Of which account each number is, for those that the registry has. */
async function readAccounts(sql: Sql, numbers: readonly unknown[]): Promise<Map<string, string>> {
  const rows = await sql<{ number: string; wabaId: string }>(
    'SELECT phone_number_id AS number, waba_id AS "wabaId" FROM phone_numbers WHERE phone_number_id = ANY ($1::text[])',
    [[...new Set(numbers.filter((number) => typeof number === 'string'))]],
  );
  return new Map(rows.map(({ number, wabaId }) => [number, wabaId]));
}

/** As the front of a command id: a name that somebody gave, or a file has. */
export function batchOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 80) || 'batch';
}
