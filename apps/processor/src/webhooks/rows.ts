/** What a webhook item becomes: the rows of the read model, as data. */

export type MessageRow = {
  readonly kind: 'message';
  readonly phoneNumberId: string;
  readonly wamid: string;
  readonly wabaId: string | null;
  readonly direction: 'inbound' | 'outbound';
  readonly contactPhone: string | null;
  readonly contactUserId: string | null;
  readonly contactName: string | null;
  readonly type: string;
  readonly text: string | null;
  readonly contextWamid: string | null;
  readonly messageAt: Date | null;
  readonly isEcho: boolean;
  readonly item: Buffer;
};

export type StatusRow = {
  readonly kind: 'status';
  readonly phoneNumberId: string;
  readonly wamid: string;
  readonly status: string;
  readonly participant: string;
  readonly wabaId: string | null;
  readonly contactPhone: string | null;
  readonly contactUserId: string | null;
  readonly statusAt: Date;
  readonly errorCode: number | null;
  readonly errorTitle: string | null;
  readonly commandId: string | null;
  readonly attempt: number | null;
  readonly item: Buffer;
};

export type ChangeRow = {
  readonly kind: 'change';
  readonly wabaId: string;
  readonly changeHash: Buffer;
  readonly field: string;
  readonly phoneNumberId: string | null;
  readonly contactPhone: string | null;
  readonly contactUserId: string | null;
  readonly changedAt: Date | null;
  readonly item: Buffer;
};

export type UnknownRow = { readonly kind: 'unknown'; readonly itemHash: Buffer; readonly item: Buffer };

export type WebhookRow = MessageRow | StatusRow | ChangeRow | UnknownRow;
