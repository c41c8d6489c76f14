/** What the command's exit code says. They are a contract with scripts. */
export const exitCodes = {
  done: 0,
  /** It failed, or it found what should not be: a difference, damage, nothing to do. */
  failed: 1,
  /** The command line or the environment was wrong: nothing was done. */
  usage: 2,
  /** What was named is not there. */
  notFound: 3,
  /** The database, Kafka or Meta does not answer. */
  unreachable: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
