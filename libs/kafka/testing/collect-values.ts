import { type BatchHandler } from '../src/record-batch';

/** Takes every record as done, and keeps what it says. */
export function collectValues(values: string[]): BatchHandler {
  return ({ records, done }) => {
    for (const { value, offset } of records) {
      values.push(String(value));
      done(offset);
    }
    return Promise.resolve(undefined);
  };
}
