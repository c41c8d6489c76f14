import { Command, Option } from 'commander';

const examplesByVerb = new WeakMap<Command, readonly string[]>();

/** A thing that verbs are about. */
export function newNoun(name: string, summary: string): Command {
  return new Command(name).summary(summary).description(summary);
}

/**
 * A verb, to be given arguments, options and an action, and added to its noun.
 * @param about.more what the summary leaves out, for the help of this verb
 * @param about.examples whole command lines, shown in the help; at least one
 */
export function newVerb(
  name: string,
  about: { readonly summary: string; readonly more?: string; readonly examples: readonly string[] },
): Command {
  const { summary, more, examples } = about;
  const verb = new Command(name)
    .summary(summary)
    .description(more === undefined ? summary : `${summary}\n\n${more}`)
    .addOption(
      new Option('-o, --output <format>', 'for people or for programs')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`);
  examplesByVerb.set(verb, examples);
  return verb;
}

export function examplesOf(verb: Command): readonly string[] {
  return examplesByVerb.get(verb) ?? [];
}

/** On every verb that changes something. */
export const dryRunOption = () => new Option('--dry-run', 'tells what it would do, and does nothing');
