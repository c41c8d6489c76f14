import { subscribe } from 'node:diagnostics_channel';
import { openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

type MadeRequest = { readonly method: string; readonly path: string; readonly body: Buffer | string };

/**
 * Loaded into a dispatcher before its own program: whenever it asks undici to send a message, a line about it is added to the file that
 * CHAOS_DEPARTURES_FILE names, before anything else is done with it. The time is that of a clock which nobody sets. Undici tells of it:
 * https://github.com/nodejs/undici/blob/main/docs/docs/api/DiagnosticsChannel.md
 */
const file = process.env.CHAOS_DEPARTURES_FILE;

if (file !== undefined) {
  const descriptor = openSync(file, 'a');
  subscribe('undici:request:create', (message) => {
    const { method, path, body } = (message as { request: MadeRequest }).request;
    const [, , phoneNumberId, resource] = path.split('/');
    if (method !== 'POST' || resource !== 'messages') return;
    const at = performance.timeOrigin + performance.now();
    const { biz_opaque_callback_data: callbackData } = JSON.parse(String(body)) as Record<string, unknown>;
    writeSync(descriptor, `${JSON.stringify({ phoneNumberId, at, callbackData })}\n`);
  });
}
