import { headers } from '@talaria/contracts';
import { type Sql } from '@talaria/database';
import { NotFoundError } from '../errors';

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
  if (row === undefined) throw new NotFoundError(`there is no dead letter ${id}`);
  const { key, value, headers: found, redrive: _redrive, discard: _discard, ...rest } = row;
  const origin = rest.origin_offset;
  const shown = Object.entries(found).map(([name, text]) => [
    name,
    body || ours.has(name) ? text : '(not shown: --body)',
  ]);
  return {
    ...(withoutNulls(rest) as object),
    ...{ id, recordOffset: Number(row.record_offset), recordTimestamp: Number(row.record_timestamp) },
    ...(origin !== null && { originOffset: Number(origin) }),
    headers: Object.fromEntries(shown) as unknown,
    ...(body && { key: readable(key), value: readable(value) }),
  };
}

/** Columns as fields are named everywhere else; those that are null are left out. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  const fields = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(fields.map(([name, one]) => [camelCase(name), withoutNulls(one)]));
}

const camelCase = (column: string) =>
  column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

type LetterRow = Readonly<Record<string, unknown>> & {
  readonly record_offset: string;
  readonly record_timestamp: string;
  readonly origin_offset: string | null;
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
