import { type DispatchEventData } from '@talaria/contracts';

/** Ids of commands are unique within their WABA. A command is one of these. */
export type CommandRef = { readonly wabaId: string; readonly id: string };

/**
 * The event that ended a command. `accepted` means that Meta took it; whether it arrived is told by statuses on `whatsapp.events`. When a
 * status tells that it failed, another fate of a higher version follows: `failed` or `dead-lettered`, or `accepted` after a new attempt.
 */
export type Fate = Omit<DispatchEventData, 'wamid' | 'cause'> & {
  /** ISO 8601, when it happened. */
  readonly at: string;
} & (
    | { readonly state: 'accepted'; readonly wamid: string }
    | { readonly state: 'dead-lettered'; readonly cause: string }
    | { readonly state: 'cancelled' }
    | { readonly state: 'failed'; readonly wamid: string }
  );

const FATE = /^whatsapp\.dispatch\.(accepted|dead-lettered|cancelled|failed)\.v1$/;

/** @returns undefined for what is no fate: `retrying` and `unknown`, and types of tomorrow */
export function readFate(headers: Readonly<Record<string, string>>, value: Buffer | null): Fate | undefined {
  const [, state] = FATE.exec(headers.ce_type ?? '') ?? [];
  if (state === undefined) return undefined;
  const data = JSON.parse(String(value)) as DispatchEventData;
  return { ...data, state, at: headers.ce_time ?? '' } as Fate;
}
