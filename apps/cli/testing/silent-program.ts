import { createContext } from '../src/context';
import { createProgram } from '../src/program';

/** The command as it is, to be looked at and not run: it reads no environment and says nothing. */
export const silentProgram = createProgram(
  createContext({
    env: {},
    stdin: process.stdin,
    stdout: { write: () => true },
    stderr: { write: () => true },
    interrupt: () => new AbortController().signal,
  }),
);
