import Ajv2020, { type ErrorObject } from 'ajv/dist/2020';
import schema from '../schemas/send-message.v1.schema.json';
import { type SendMessage } from './send-message';

const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, ownProperties: true });
const validate = ajv.compile<SendMessage>(schema);

export type ParsedCommand =
  | { readonly ok: true; readonly command: SendMessage }
  /** `decode`: not JSON. `invalid`: JSON, but not a SendMessage; `problems` name fields, never their contents. */
  | { readonly ok: false; readonly cause: 'decode' | 'invalid'; readonly problems: readonly string[] };

/** Far deeper than any message of Meta's. What works through a command level by level has no end to its stack otherwise. */
const MAX_LEVELS = 100;

/** Far more than Meta takes. Above it a retry or an event, which add to it, could be more than a broker takes. */
const MAX_COMMAND_BYTES = 512 * 1024;
/** By so much it may grow when it is written again: `1e20` is then a one with twenty zeros, and a byte that is not UTF-8 takes three. */
const MAX_GROWTH = 6;

/** Reads the value of a record on `whatsapp.outbound`. */
export function parseSendMessage(value: Buffer | null): ParsedCommand {
  if (value !== null && value.length > MAX_COMMAND_BYTES) {
    return {
      ok: false,
      cause: 'invalid',
      problems: [`the value is longer than ${MAX_COMMAND_BYTES} bytes`],
    };
  }
  let command: unknown;
  try {
    command = JSON.parse((value ?? Buffer.alloc(0)).toString('utf8'));
  } catch {
    return { ok: false, cause: 'decode', problems: ['the value is not JSON'] };
  }
  if (validate(command)) {
    const { expiresAt } = command;
    const isNoTime = expiresAt !== undefined && Number.isNaN(Date.parse(expiresAt));
    const problems = [...(isNoTime ? ['expiresAt is not a time'] : []), ...sizeProblems(value, command)];
    return problems.length === 0 ? { ok: true, command } : { ok: false, cause: 'invalid', problems };
  }
  return { ok: false, cause: 'invalid', problems: (validate.errors ?? []).map(problem).slice(0, 10) };
}

/** Events, and the call to Meta, are written from what was read. */
function sizeProblems(value: Buffer | null, command: SendMessage): string[] {
  if (isDeeperThan(MAX_LEVELS, command)) return [`the command has more than ${MAX_LEVELS} levels`];
  if (value === null || value.length * MAX_GROWTH <= MAX_COMMAND_BYTES) return [];
  const isTooLarge = Buffer.byteLength(JSON.stringify(command)) > MAX_COMMAND_BYTES;
  return isTooLarge ? [`the command is longer than ${MAX_COMMAND_BYTES} bytes when it is written again`] : [];
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeperThan(levels - 1, one));
}

/** The names in `metadata` are the publisher's own. */
function placeOf(instancePath: string): string {
  return instancePath
    .slice(1)
    .replaceAll('/', '.')
    .replace(/^metadata\..*/s, 'a field of metadata');
}

function problem({ instancePath, keyword, message, params }: ErrorObject): string {
  const place = instancePath === '' ? 'the command' : placeOf(instancePath);
  if (keyword === 'additionalProperties') return `${place} has a field it does not know`;
  if (keyword === 'required') return `${place} lacks ${String(params.missingProperty)}`;
  return `${place} ${message ?? 'is wrong'}`.slice(0, 200);
}
