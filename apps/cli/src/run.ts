import { type Command, CommanderError } from 'commander';
import { createColors } from 'picocolors';
import { createContext, type OwnedContext, type Surroundings } from './context';
import { type ExitCode, exitCodes } from './exit-codes';
import { faultOf } from './fault-of';
import { createProgram } from './program';
import { isColoured } from './output/colour';

/**
 * Runs one command line, as a process would, but in this one: nothing is printed but to the outputs given, and nothing ends the process.
 * @param args without node and script
 * @returns the exit code
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const context = createContext(surroundings);
  const program = createProgram(context);
  let running: Command = program;
  for (const command of withAllBelow(program)) {
    command
      .configureOutput({
        writeOut: (text) => void surroundings.stdout.write(text),
        writeErr: (text) => void surroundings.stderr.write(text),
        // Told below, with all other errors.
        outputError: () => undefined,
        getOutHasColors: () => isColoured(surroundings.stdout, surroundings.env),
      })
      .exitOverride((error) => {
        running = command;
        throw error;
      });
  }
  program.hook('preAction', (_, command) => {
    running = command;
    context.useFormat(command.opts<{ output: 'table' | 'json' }>().output);
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return context.exitCode();
  } catch (error) {
    return tell(error, running, context);
  } finally {
    await context.close();
  }
}

/** One line, and where help is when the command line was wrong; the whole error only for whoever debugs. */
function tell(error: unknown, running: Command, { env, stderr, say }: OwnedContext): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  // A noun without a verb: its help was shown already.
  if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
  const { code, message } = faultOf(error, env);
  const { red } = createColors(isColoured(stderr, env));
  say(`${red('error:')} ${message}`);
  if (code === exitCodes.usage) say(`See: ${pathOf(running)} --help`);
  if (env.DEBUG !== undefined && error instanceof Error) say(error.stack ?? '');
  return code;
}

export function* withAllBelow(command: Command): Generator<Command> {
  yield command;
  for (const one of command.commands) yield* withAllBelow(one);
}

/** `talaria topics list`. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
