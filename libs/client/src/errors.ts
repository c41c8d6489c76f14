import { type CommandRef } from './fate';

/** It is no command, and nothing was published. `problems` name fields, never their contents. */
export class InvalidCommandError extends Error {
  constructor(
    commandId: string,
    readonly problems: readonly string[],
  ) {
    super(`command ${commandId} is not valid: ${problems.join('; ')}`);
    this.name = 'InvalidCommandError';
  }
}

/** The brokers did not confirm these. They may have them all the same: publish them again, under the same ids. */
export class NotPublishedError extends Error {
  constructor(
    readonly commandIds: readonly string[],
    options: ErrorOptions,
  ) {
    const why = options.cause instanceof Error ? options.cause.message : String(options.cause);
    super(
      `${commandIds.length} commands were not confirmed (${why}): publish them again under the same ids`,
      options,
    );
    this.name = 'NotPublishedError';
  }
}

/** The command's fate is not known yet. It may still be sent: wait again, or publish it again under the same id, never under another. */
export class NoFateError extends Error {
  constructor(
    readonly command: CommandRef,
    why: string,
  ) {
    super(`command ${command.id} has no fate yet: ${why}`);
    this.name = 'NoFateError';
  }
}
