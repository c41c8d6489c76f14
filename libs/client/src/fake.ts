import { type SendMessage } from '@talaria/contracts';
import { encodeCommand } from './encode-command';
import { NotPublishedError } from './errors';
import { type CommandRef, type Fate } from './fate';
import { FateBook } from './fate-book';
import { publishAndAwait } from './publish-and-await';
import { type Talaria } from './talaria';

/** In memory, for a product's own tests: publishes nowhere, and the test decides what becomes of each command. */
export type FakeTalaria = Talaria & {
  /** All that was published, in order, repeats included; as it reads on the topic. */
  readonly published: readonly SendMessage[];
  /** Meta takes it. */
  accept(command: CommandRef, wamid?: string): void;
  /** Meta had taken it, and tells that it failed for good. */
  fail(command: CommandRef, wamid?: string): void;
  /** It ends without a message. */
  deadLetter(command: CommandRef, cause: string): void;
  /** Every `publish` from now on fails like this, as when the brokers are away; undefined ends it. */
  failWith(error: Error | undefined): void;
};

export function fakeTalaria(): FakeTalaria {
  const published: SendMessage[] = [];
  const book = new FateBook();
  let fault: Error | undefined;
  let versions = 0;

  const publish: Talaria['publish'] = async (commands) => {
    const all = [commands].flat();
    const values = all.map(encodeCommand);
    await Promise.resolve();
    if (fault !== undefined)
      throw new NotPublishedError(
        all.map(({ id }) => id),
        { cause: fault },
      );
    published.push(...values.map((value) => JSON.parse(String(value)) as SendMessage));
  };

  function told({ wabaId, id }: CommandRef): Omit<Fate, 'state'> {
    const phoneNumberId =
      published.find((one) => one.wabaId === wabaId && one.id === id)?.phoneNumberId ?? '';
    const at = new Date().toISOString();
    return { wabaId, commandId: id, phoneNumberId, version: ++versions, attempt: 1, at };
  }

  return {
    published,
    publish,
    awaitFate: (command, { timeoutMs }) => book.fateOf(command, timeoutMs),
    publishAndAwait: (command, wait) => publishAndAwait(publish, book, command, wait),
    accept: (command, wamid = `wamid.${command.id}`) =>
      book.tell({ ...told(command), state: 'accepted', wamid }),
    fail: (command, wamid = `wamid.${command.id}`) => book.tell({ ...told(command), state: 'failed', wamid }),
    deadLetter: (command, cause) => book.tell({ ...told(command), state: 'dead-lettered', cause }),
    failWith: (error) => {
      fault = error;
    },
    close: () => {
      fault = new Error('the client was closed');
      book.close('the client was closed');
      return Promise.resolve();
    },
  };
}
