/** Resolves at the first SIGINT or SIGTERM, and keeps either from ending the process before it has tidied up. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.on('SIGINT', resolve);
    process.on('SIGTERM', resolve);
  });
}
