/** What travels to Meta in `biz_opaque_callback_data` and comes back in statuses: the command and which attempt it was. */
export type CallbackData = { readonly commandId: string; readonly attempt: number };

const FORM = /^talaria\/([A-Za-z0-9._:-]{1,128})\/(\d{1,6})$/;

export function formatCallbackData({ commandId, attempt }: CallbackData): string {
  return `talaria/${commandId}/${attempt}`;
}

/** @returns undefined for data that another system put there */
export function parseCallbackData(data: string | undefined): CallbackData | undefined {
  const [, commandId, attempt] = FORM.exec(data ?? '') ?? [];
  return commandId === undefined ? undefined : { commandId, attempt: Number(attempt) };
}
