import { Command } from 'commander';
import packageJson from '../../../package.json';
import { doctorCommand } from './commands/doctor';
import { messagesCommand } from './commands/messages';
import { backlogCommand } from './commands/backlog';
import { completionCommand } from './commands/completion';
import { databaseCommand } from './commands/database';
import { deadLettersCommand } from './commands/dead-letters';
import { projectionsCommand } from './commands/projections';
import { accountsCommand } from './commands/accounts';
import { appsCommand } from './commands/apps';
import { contactsCommand } from './commands/contacts';
import { keysCommand } from './commands/keys';
import { numbersCommand } from './commands/numbers';
import { spoolCommand } from './commands/spool';
import { topicsCommand } from './commands/topics';
import { webhooksCommand } from './commands/webhooks';
import { type Context } from './context';

/** The whole tree of nouns and verbs. */
export function createProgram(context: Context): Command {
  const program = new Command('talaria')
    .description(
      'Looks after a Talaria installation: the accounts, the messages, and the machinery between them.',
    )
    .version(packageJson.version)
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nEvery noun and verb has --help, with examples. Settings are the environment variables of the services.',
    )
    .addCommand(doctorCommand(context))
    .addCommand(messagesCommand(context))
    .addCommand(contactsCommand(context))
    .addCommand(backlogCommand(context))
    .addCommand(deadLettersCommand(context))
    .addCommand(projectionsCommand(context))
    .addCommand(accountsCommand(context))
    .addCommand(numbersCommand(context))
    .addCommand(appsCommand(context))
    .addCommand(keysCommand(context))
    .addCommand(spoolCommand(context))
    .addCommand(topicsCommand(context))
    .addCommand(databaseCommand(context))
    .addCommand(webhooksCommand(context));
  return program.addCommand(completionCommand(context, program));
}
