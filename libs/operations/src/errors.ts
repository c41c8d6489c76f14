/** What the caller named is not there. Its message says what, and where to look for what is. */
export class NotFoundError extends Error {}

/** Something outside does not answer. Its message names it, and what to check. */
export class UnreachableError extends Error {}
