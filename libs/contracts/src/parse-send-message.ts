import Ajv2020, { type ErrorObject } from 'ajv/dist/2020';
import schema from '../schemas/send-message.v1.schema.json';
import { type SendMessage } from './send-message';

const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, ownProperties: true });
const validate = ajv.compile<SendMessage>(schema);

export type ParsedCommand =
  | { readonly ok: true; readonly command: SendMessage }
  /** `decode`: not JSON. `invalid`: JSON, but not a SendMessage; `problems` name fields, never their contents. */
  | { readonly ok: false; readonly cause: 'decode' | 'invalid'; readonly problems: readonly string[] };

/** Reads the value of a record on `whatsapp.outbound`. */
export function parseSendMessage(value: Buffer | null): ParsedCommand {
  let command: unknown;
  try {
    command = JSON.parse((value ?? Buffer.alloc(0)).toString('utf8'));
  } catch {
    return { ok: false, cause: 'decode', problems: ['the value is not JSON'] };
  }
  if (validate(command)) {
    const time = command.expiresAt;
    if (time === undefined || !Number.isNaN(Date.parse(time))) return { ok: true, command };
    return { ok: false, cause: 'invalid', problems: ['expiresAt is not a time'] };
  }
  return { ok: false, cause: 'invalid', problems: (validate.errors ?? []).map(problem).slice(0, 10) };
}

function problem({ instancePath, keyword, message, params }: ErrorObject): string {
  const place = instancePath === '' ? 'the command' : instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'additionalProperties') return `${place} has a field it does not know`;
  if (keyword === 'required') return `${place} lacks ${String(params.missingProperty)}`;
  return `${place} ${message ?? 'is wrong'}`.slice(0, 200);
}
