import { IsIn, IsOptional, Matches, ValidateBy, ValidateIf } from 'class-validator';

/**
 * Asks for one message. Published on `whatsapp.outbound` with the key `wabaId`. This class is the source of the published
 * JSON Schema (schemas/send-message.v1.schema.json), which decides. Unknown fields are refused.
 */
export class SendMessage {
  /** Idempotency key: one message for one id, for ever, within the WABA. */
  @Matches(/^[A-Za-z0-9._:-]{1,128}$/)
  id!: string;

  @Matches(/^[0-9]{1,32}$/)
  wabaId!: string;

  /** The business number that sends. */
  @Matches(/^[0-9]{1,32}$/)
  phoneNumberId!: string;

  /** Phone in E.164; wins when `recipient` is given too, as with Meta. One of the two must be there. */
  @ValidateIf((command: SendMessage) => command.recipient === undefined || command.to !== undefined)
  @Matches(/^\+[1-9][0-9]{4,14}$/)
  to?: string;

  /** Business-scoped user id. */
  @IsOptional()
  @Matches(/^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/)
  recipient?: string;

  /** Meta's own object: `type`, the content under that name, and `context` if it quotes. */
  @IsMetaMessage()
  message!: MetaMessage;

  @IsOptional()
  @IsIn(['reply', 'notification', 'campaign'])
  priority?: 'reply' | 'notification' | 'campaign';

  /** RFC 3339 with an offset; not sent after it. */
  @IsOptional()
  @Matches(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/)
  expiresAt?: string;

  /** `strict` holds later ones from the same number to the same recipient behind it, wherever it waits. */
  @IsOptional()
  @IsIn(['strict', 'relaxed'])
  order?: 'strict' | 'relaxed';

  /** What to do when nobody can tell whether Meta took it. */
  @IsOptional()
  @IsIn(['dead-letter', 'resend'])
  onUnknown?: 'dead-letter' | 'resend';

  @IsOptional()
  @Matches(/^[A-Za-z0-9._:-]{1,128}$/)
  campaignId?: string;

  @IsOptional()
  @Matches(/^[ -~]{1,256}$/)
  correlationId?: string;

  /** Yours, echoed in every dispatch event of this command: up to 16 texts of up to 512 characters. */
  @IsOptional()
  @IsMetadata()
  metadata?: Readonly<Record<string, string>>;
}

export type MetaMessage = { readonly type: string } & Readonly<Record<string, unknown>>;

/** JSON Schema of the properties whose rule is not one of class-validator's own, by the name of the rule. */
export const customSchemas = {
  isMetaMessage: {
    type: 'object' as const,
    properties: { type: { type: 'string' as const, pattern: '^[a-z_]{1,64}$' } },
    required: ['type'],
  },
  isMetadata: {
    type: 'object' as const,
    additionalProperties: { type: 'string' as const, maxLength: 512 },
    maxProperties: 16,
  },
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function IsMetaMessage(): PropertyDecorator {
  return ValidateBy({
    name: 'isMetaMessage',
    validator: {
      validate: (value) =>
        isRecord(value) && typeof value.type === 'string' && /^[a-z_]{1,64}$/.test(value.type),
      defaultMessage: () => 'message must be an object with a type',
    },
  });
}

function IsMetadata(): PropertyDecorator {
  return ValidateBy({
    name: 'isMetadata',
    validator: {
      validate: (value) =>
        isRecord(value) &&
        Object.keys(value).length <= 16 &&
        Object.values(value).every((item) => typeof item === 'string' && Array.from(item).length <= 512),
      defaultMessage: () => 'metadata must hold up to 16 texts of up to 512 characters',
    },
  });
}
