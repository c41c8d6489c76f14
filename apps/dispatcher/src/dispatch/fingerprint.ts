import { createHash } from 'node:crypto';
import { type SendMessage } from '@talaria/contracts';

/** SHA-256 of a command's contents: the same for whatever says the same, however its keys are ordered and its JSON is spaced. */
export function fingerprintOf(command: SendMessage): Buffer {
  return createHash('sha256').update(JSON.stringify(command, sortKeys)).digest();
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
