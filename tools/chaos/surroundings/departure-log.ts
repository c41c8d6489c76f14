import { subscribe } from 'node:diagnostics_channel';
import { openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

type MadeRequest = { readonly method: string; readonly path: string; readonly body: Buffer | string };

/**
 * Loaded into a dispatcher before its own program: whenever it asks undici to send a message, a line about it is added to the file that
 * CHAOS_DEPARTURES_FILE names, before anything else is done with it; and another when that ends without an answer. The time is that of a
 * clock which nobody sets. Undici tells of it: https://github.com/nodejs/undici/blob/main/docs/docs/api/DiagnosticsChannel.md
 */
const file = process.env.CHAOS_DEPARTURES_FILE;

if (file !== undefined) {
  const descriptor = openSync(file, 'a');
  const made = new WeakMap<MadeRequest, { readonly callbackData: unknown; readonly at: number }>();
  const write = (line: object) => writeSync(descriptor, `${JSON.stringify(line)}\n`);
  const now = () => performance.timeOrigin + performance.now();
  subscribe('undici:request:create', (message) => {
    const { request } = message as { request: MadeRequest };
    const [, , phoneNumberId, resource] = request.path.split('/');
    if (request.method !== 'POST' || resource !== 'messages') return;
    const at = now();
    const { biz_opaque_callback_data: callbackData } = JSON.parse(String(request.body)) as Record<
      string,
      unknown
    >;
    write({ phoneNumberId, at, callbackData });
    made.set(request, { callbackData, at });
  });
  subscribe('undici:request:error', (message) => {
    const { request } = message as { request: MadeRequest };
    const call = made.get(request);
    if (call === undefined) return;
    write({ callbackData: call.callbackData, failedAfterMs: now() - call.at });
    // It is told once more when the connection is closed for it.
    made.delete(request);
  });
}
