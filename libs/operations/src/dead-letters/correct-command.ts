import { parseSendMessage } from '@talaria/contracts';

/** A JSON merge patch of a command. */
export type Correction = Readonly<Record<string, unknown>>;

export type Corrected =
  | { readonly ok: true; readonly value: Buffer }
  /** `problems` name fields, never their contents. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** A command with its correction, if that makes a command that the dispatcher takes. */
export function correctCommand(value: Buffer | null, correction: Correction): Corrected {
  let command: unknown;
  try {
    command = JSON.parse(String(value));
  } catch {
    return { ok: false, problems: ['it is not JSON'] };
  }
  const corrected = Buffer.from(JSON.stringify(mergePatch(command, correction)));
  const parsed = parseSendMessage(corrected);
  return parsed.ok ? { ok: true, value: corrected } : { ok: false, problems: parsed.problems };
}

/** RFC 7396: objects are merged, null removes, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  // Unlike an assignment, this gives a field named __proto__ no meaning.
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
