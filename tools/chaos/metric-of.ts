import { type AppProcess } from '../platform/app-process';

/** What a process says of itself now: a metric without labels. @throws when it does not answer, or does not know it */
export async function metricOf({ healthUrl }: AppProcess, name: string): Promise<number> {
  const signal = AbortSignal.timeout(10_000);
  const text = await (await fetch(new URL('/metrics', healthUrl), { signal })).text();
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`the metrics do not tell ${name}`);
  return Number(value);
}
