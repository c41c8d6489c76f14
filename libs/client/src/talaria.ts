import { type SendMessage } from '@talaria/contracts';
import { type CommandRef, type Fate } from './fate';

/** What a product says to Talaria, and hears of it; {@link fakeTalaria} is one for the product's own tests. */
export type Talaria = {
  /**
   * Resolves when the brokers have all of them. Commands of one WABA lie in the order in which they are given. A command that was published
   * before, here or elsewhere, becomes no second message.
   * @throws {InvalidCommandError} when one of them is not a command; none was published
   * @throws {NotPublishedError} when the brokers did not confirm some of them in time (default 30 s)
   */
  publish(commands: SendMessage | readonly SendMessage[], wait?: Partial<Wait>): Promise<void>;
  /**
   * What became of a command, by whomever it was published: at once when that came since this client connected (and is among the last 10 000
   * fates), else when it comes.
   * @throws {NoFateError} when none came in time, or the client was closed
   */
  awaitFate(command: CommandRef, wait: Wait): Promise<Fate>;
  /**
   * `publish`, then its fate; misses none. The time is for both.
   * @throws what `publish` and `awaitFate` throw
   */
  publishAndAwait(command: SendMessage, wait: Wait): Promise<Fate>;
  /** Waits up to 1.5 s for what is on its way, and tells all who wait that there is nothing more to come. */
  close(): Promise<void>;
};

export type Wait = { readonly timeoutMs: number };

/** Hears of trouble with the brokers; a pino logger is one. Neither phones nor texts are in what it is told. */
export type ClientLogger = Readonly<
  Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>
>;
