/**
 * What we put into Meta's `biz_opaque_callback_data`, and get back with every status: which command of ours it was, and which attempt; and
 * where traces are recorded, the span of the call, so that what the status leads to can name it without looking it up.
 */
export type CallbackData = {
  readonly commandId: string;
  readonly attempt: number;
  readonly span?: { readonly traceId: string; readonly spanId: string };
};

const COMMAND_ID = '[A-Za-z0-9._:-]{1,128}';
const FORM = new RegExp(`^talaria/(${COMMAND_ID})/(\\d{1,6})(?:/([0-9a-f]{32})-([0-9a-f]{16}))?$`);

export function formatCallbackData({ commandId, attempt, span }: CallbackData): string {
  const traced = span === undefined ? '' : `/${span.traceId}-${span.spanId}`;
  return `talaria/${commandId}/${attempt}${traced}`;
}

/** @returns undefined for data that another system put there */
export function parseCallbackData(data: string | undefined): CallbackData | undefined {
  const [, commandId, attempt, traceId, spanId] = FORM.exec(data ?? '') ?? [];
  if (commandId === undefined) return undefined;
  const span = traceId !== undefined && spanId !== undefined ? { traceId, spanId } : undefined;
  return { commandId, attempt: Number(attempt), ...(span && { span }) };
}

/** Within a text of a value its quotes would be escaped. */
const FIELD = Buffer.from('"biz_opaque_callback_data"');
const IN_JSON = /"biz_opaque_callback_data"\s*:\s*"(talaria[^"]{1,200})"/g;

/** The data of ours in the statuses of a webhook, without parsing it: for what only traces need. */
export function findCallbackData(webhook: Buffer | null): CallbackData[] {
  const first = webhook?.indexOf(FIELD) ?? -1;
  if (webhook === null || first < 0) return [];
  // Meta's JSON escapes slashes.
  return [...webhook.toString('latin1', first).matchAll(IN_JSON)].flatMap(
    ([, data = '']) => parseCallbackData(data.replaceAll('\\/', '/')) ?? [],
  );
}
