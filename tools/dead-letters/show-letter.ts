import { headers } from '@talaria/contracts';
import { type Sql } from '@talaria/database';

/** All that is known of a letter: what the index has, what the ledger has of its command, what people decided. */
export type ShownLetter = Readonly<Record<string, unknown>>;

const ours = new Set<string>([...Object.values(headers), 'traceparent', 'tracestate']);

/**
 * @param body whether key, value and the publisher's own headers are told, which may hold phones and texts
 * @throws when there is none
 */
export async function showLetter(sql: Sql, id: number, body: boolean): Promise<ShownLetter> {
  const [row] = await sql<LetterRow>(
    `SELECT d.*, octet_length(d.value) AS bytes,
            (SELECT to_json(r) FROM (SELECT id, state, begun_at, begun_by, reason, letters, sent, finished_at FROM redrives WHERE id = d.redrive) AS r) AS redriven,
            (SELECT to_json(r) FROM (SELECT id, discarded_at, discarded_by, reason, letters FROM discards WHERE id = d.discard) AS r) AS discarded,
            (SELECT to_json(c) FROM (SELECT state, version, attempts, redrive, settled_at, wamid, outcome->>'cause' AS cause
                                     FROM dispatch_commands c WHERE c.waba_id = d.waba_id AND c.command_id = d.command_id) AS c) AS command
     FROM dead_letters d WHERE d.id = $1`,
    [id],
  );
  if (row === undefined) throw new Error(`there is no dead letter ${id}`);
  const { key, value, headers: found, redrive: _redrive, discard: _discard, ...rest } = row;
  const shown = Object.entries(found).map(([name, text]) => [
    name,
    body || ours.has(name) ? text : '(not shown: --body)',
  ]);
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, one]) => one !== null)),
    ...{ id, record_offset: Number(row.record_offset), record_timestamp: Number(row.record_timestamp) },
    headers: Object.fromEntries(shown) as unknown,
    ...(body && { key: readable(key), value: readable(value) }),
  };
}

type LetterRow = Readonly<Record<string, unknown>> & {
  readonly record_offset: string;
  readonly record_timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
};

/** Text where it is text; base64, and says so, where it is not. */
function readable(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : `base64:${bytes.toString('base64')}`;
}

/** Anybody may have written it: what a terminal would act on is shown as what it is. */
export function printable(text: string): string {
  return text.replaceAll(
    /\p{Cc}/gu,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** For people: a line for each thing, those of a kind indented below it. */
export function shownText(letter: object, indent = ''): string {
  const lines = Object.entries(letter).map(([name, one]: [string, unknown]) => {
    if (typeof one !== 'object' || one === null || one instanceof Date)
      return `${indent}${printable(name)}: ${textOf(one)}`;
    return `${indent}${printable(name)}:\n${shownText(one, `${indent}  `)}`;
  });
  return lines.join('\n');
}

const textOf = (value: unknown) =>
  typeof value === 'string' ? printable(value) : JSON.stringify(value).replaceAll('"', '');
