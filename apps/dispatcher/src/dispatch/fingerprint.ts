import { hash } from 'node:crypto';
import { type SendMessage } from '@talaria/contracts';

/** SHA-256 of a command's contents: the same for whatever says the same, however its keys are ordered and its JSON is spaced. */
export function fingerprintOf(command: SendMessage): Buffer {
  return hash('sha256', JSON.stringify(inOrder(command)), 'buffer');
}

/** An object as a list of its names and values, by name, and so of an even length; a list as one of length one, which holds it. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return [value.map(inOrder)];
  const fields = value as Readonly<Record<string, unknown>>;
  const list: unknown[] = [];
  for (const name of Object.keys(fields).sort()) list.push(name, inOrder(fields[name]));
  return list;
}
