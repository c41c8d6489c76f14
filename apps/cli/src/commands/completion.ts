import { type Command } from 'commander';
import { bashCompletion, zshCompletion } from '../completion';
import { type Context } from '../context';
import { newNoun, newVerb } from '../verb';

/** @param program whose tree is completed, as it is when a script is asked for */
export function completionCommand(context: Context, program: Command): Command {
  return newNoun('completion', 'scripts that complete nouns, verbs and flags')
    .addCommand(
      newVerb('bash', {
        summary: 'the script for bash',
        examples: [
          'source <(talaria completion bash)',
          'talaria completion bash > /etc/bash_completion.d/talaria',
        ],
      }).action(() => answer(context, bashCompletion(program))),
    )
    .addCommand(
      newVerb('zsh', {
        summary: 'the script for zsh',
        examples: ['source <(talaria completion zsh)', 'talaria completion zsh > "${fpath[1]}/_talaria"'],
      }).action(() => answer(context, zshCompletion(program))),
    );
}

const answer = (context: Context, script: string) => context.answer({ script }, () => script);
