import { Readable } from 'node:stream';
import { run } from '../src/run';

export type Ran = {
  readonly code: number;
  /** What a person or a program reads. */
  readonly out: string;
  /** What is said beside it. */
  readonly err: string;
};

export type CliOptions = {
  /** All that it sees of the environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string | Buffer;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
  /** Hears everything as it is written. */
  readonly onWrite?: (text: string) => void;
};

/** `talaria …args`, in this process. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Ran> {
  const { env = {}, stdin = '', isTerminal = false, signal, onWrite } = options;
  let [out, err] = ['', ''];
  const code = await run(args, {
    env,
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: { write: (text) => ((out += text), onWrite?.(text)), isTTY: isTerminal, columns: 100 },
    stderr: { write: (text) => ((err += text), onWrite?.(text)), isTTY: isTerminal, columns: 100 },
    interrupt: () => signal ?? new AbortController().signal,
  });
  return { code, out, err };
}

/** The same, for a program: its one JSON document. */
export async function jsonOf<T>(args: readonly string[], options: CliOptions = {}): Promise<T> {
  const { out } = await runCli([...args, '--output', 'json'], options);
  return JSON.parse(out) as T;
}
