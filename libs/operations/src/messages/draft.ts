import { type MetaMessage } from '@talaria/contracts';
import { parse } from 'csv-parse/sync';

/** What somebody wants to have sent, as it was written: nothing of it is checked yet. */
export type Draft = {
  /** Of a file, from 1. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Why the line could not be read at all. */
  readonly problems?: readonly string[];
};

/** What every line says that does not say otherwise. */
export type DraftDefaults = Readonly<Record<string, unknown>>;

/** A whole file that makes no sense: no line of it was read. */
export class FileError extends Error {}

/**
 * One command a line, as JSON: the fields of SendMessage, of which `id`, `wabaId` and what the defaults name may be left out. Empty lines are skipped.
 */
export function readJsonLines(text: string, defaults: DraftDefaults): Draft[] {
  return text.split('\n').flatMap((json, index) => {
    const line = index + 1;
    if (json.trim() === '') return [];
    try {
      const fields: unknown = JSON.parse(json);
      if (typeof fields === 'object' && fields !== null && !Array.isArray(fields))
        return [{ line, fields: { ...defaults, ...fields } }];
    } catch {
      // Told below: what a parser says of it may quote the line.
    }
    return [{ line, fields: {}, problems: ['it is no JSON object'] }];
  });
}

/** Columns that are fields of the command, by the name that a person gives them. */
const plainColumns: Readonly<Record<string, string>> = {
  id: 'id',
  to: 'to',
  recipient: 'recipient',
  from: 'phoneNumberId',
  waba: 'wabaId',
  priority: 'priority',
  campaign: 'campaignId',
  correlation: 'correlationId',
  'expires-at': 'expiresAt',
  'on-unknown': 'onUnknown',
};
const messageColumns = ['text', 'template', 'language'];
const OWN_COLUMN = /^(param|metadata)\.[A-Za-z0-9_]{1,64}$/;

/**
 * Comma-separated values (RFC 4180) whose first line names the columns: `to,text` or `to,template,language,param.1,param.2`. An empty cell counts as not
 * given.
 * @throws {FileError} when it has no head, an unknown column, or an open quote
 */
export function readCsv(text: string, defaults: DraftDefaults): Draft[] {
  const rows = parseCsv(text);
  const [head] = rows;
  if (head === undefined) throw new FileError('the file is empty: its first line must name the columns');
  const columns = head.record;
  const unknown = columns.filter(
    (name) => !(name in plainColumns) && !messageColumns.includes(name) && !OWN_COLUMN.test(name),
  );
  if (unknown.length > 0)
    throw new FileError(
      `the file has a column ${JSON.stringify(unknown[0])}: columns are ${[...Object.keys(plainColumns), ...messageColumns].join(', ')}, param.1, param.NAME and metadata.NAME`,
    );
  return rows.slice(1).map(({ record, line }) => {
    if (record.length !== columns.length)
      return {
        line,
        fields: {},
        problems: [`it has ${record.length} cells, the head has ${columns.length}`],
      };
    const cells = new Map(columns.map((name, index) => [name, record[index] ?? '']));
    return { line, fields: { ...defaults, ...fieldsOfCells(cells) } };
  });
}

type CsvRow = { readonly record: readonly string[]; readonly line: number };

function parseCsv(text: string): CsvRow[] {
  try {
    const rows = parse(text, { bom: true, info: true, relax_column_count: true, skip_empty_lines: true });
    // The parser says where a row ends; one with line breaks in quotes began before.
    return (rows as unknown as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      record,
      line: info.lines - breaksIn(record),
    }));
  } catch (cause) {
    const { lines } = cause as { lines?: number };
    throw new FileError(`the file cannot be read as CSV, at line ${lines ?? '?'}: is a quote not closed?`, {
      cause,
    });
  }
}

const breaksIn = (record: readonly string[]) =>
  record.reduce((sum, cell) => sum + (cell.match(/\r\n|\n|\r/g)?.length ?? 0), 0);

function fieldsOfCells(cells: ReadonlyMap<string, string>): Record<string, unknown> {
  const given = [...cells].filter(([, cell]) => cell !== '');
  const own = (prefix: string) =>
    given
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, cell]) => [name.slice(prefix.length), cell] as const);
  const metadata = own('metadata.');
  const message = messageOfCells(new Map(given), own('param.'));
  return {
    ...Object.fromEntries(
      given.flatMap(([name, cell]) => (plainColumns[name] === undefined ? [] : [[plainColumns[name], cell]])),
    ),
    ...(metadata.length > 0 && { metadata: Object.fromEntries(metadata) }),
    ...(message !== undefined && { message }),
  };
}

function messageOfCells(
  given: ReadonlyMap<string, string>,
  parameters: readonly (readonly [string, string])[],
): MetaMessage | undefined {
  const [text, name] = [given.get('text'), given.get('template')];
  if (name !== undefined) return templateMessage(name, given.get('language') ?? '', parametersOf(parameters));
  return text === undefined ? undefined : textMessage(text);
}

/** Numbered ones in the order of their numbers, else named. */
function parametersOf(columns: readonly (readonly [string, string])[]): TemplateParameter[] {
  const isNumbered = columns.every(([name]) => /^\d+$/.test(name));
  if (!isNumbered) return columns.map(([name, text]) => ({ name, text }));
  return [...columns].sort(([one], [other]) => Number(one) - Number(other)).map(([, text]) => ({ text }));
}

export type TemplateParameter = { readonly name?: string; readonly text: string };

export function textMessage(body: string): MetaMessage {
  return { type: 'text', text: { body } };
}

/** @param parameters of the body, in their order, or by their names */
export function templateMessage(
  name: string,
  language: string,
  parameters: readonly TemplateParameter[],
): MetaMessage {
  const body = parameters.map(({ name: parameter, text }) => ({
    type: 'text',
    ...(parameter !== undefined && { parameter_name: parameter }),
    text,
  }));
  return {
    type: 'template',
    template: {
      name,
      language: { code: language },
      ...(body.length > 0 && { components: [{ type: 'body', parameters: body }] }),
    },
  };
}
