import { createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { shortContexts } from './short-contexts';

const key = createContextKey('spec');
const one = ROOT_CONTEXT.setValue(key, 1);
const two = ROOT_CONTEXT.setValue(key, 2);

describe('a short context', () => {
  it('is the active one until its function returns, also when that throws', () => {
    const contexts = shortContexts();
    const seen = contexts.with(
      one,
      (more: number) => [
        contexts.active().getValue(key),
        contexts.with(two, () => contexts.active().getValue(key)),
        contexts.active().getValue(key),
        more,
      ],
      undefined,
      3,
    );
    expect(seen).toEqual([1, 2, 1, 3]);
    expect(() =>
      contexts.with(one, () => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
    expect(contexts.active()).toBe(ROOT_CONTEXT);
  });

  it("is nobody else's while its function waits", async () => {
    const contexts = shortContexts();
    const waiting = contexts.with(one, async () => {
      const before = contexts.active();
      await Promise.resolve();
      return [before, contexts.active()];
    });
    expect(contexts.active()).toBe(ROOT_CONTEXT);
    expect(await waiting).toEqual([one, ROOT_CONTEXT]);
  });
});
