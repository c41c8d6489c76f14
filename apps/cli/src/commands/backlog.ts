import { sqlOf } from '@talaria/database';
import {
  type BacklogFilter,
  type BacklogLane,
  backlogPriorities,
  cancelCampaign,
  type Cancellation,
  listBacklog,
} from '@talaria/operations';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { campaignId, metaId } from '../flags';
import { durationText } from '../output/duration';
import { showTable } from '../output/table';
import { dryRunOption, newNoun, newVerb } from '../verb';

export function backlogCommand(context: Context): Command {
  return newNoun('backlog', 'what waits in the database to be sent')
    .addCommand(listVerb(context))
    .addCommand(cancelVerb(context));
}

const listVerb = (context: Context) =>
  newVerb('list', {
    summary: 'how much waits of each number, and since when; the deepest first',
    more: 'What a dispatcher holds in memory, a few seconds of its rate, is not counted.',
    examples: [
      'talaria backlog list',
      'talaria backlog list --waba 1000 --priority campaign',
      'talaria backlog list --number 2000 -o json',
    ],
  })
    .addOption(new Option('--waba <id>', 'of this account').argParser(metaId))
    .addOption(new Option('--number <id>', 'of this number, by its phone number id').argParser(metaId))
    .addOption(new Option('--priority <priority>', 'of this priority').choices(backlogPriorities))
    .action(async (filter: BacklogFilter) => {
      const lanes = await listBacklog(sqlOf(await context.dataSource()), filter);
      context.answer(lanes, () => lanesText(context, lanes));
    });

function lanesText(context: Context, lanes: readonly BacklogLane[]): string {
  if (lanes.length === 0) return 'Nothing waits.';
  const rows = lanes.map(({ wabaId, phoneNumberId, priority, depth, oldestParkedAt }) => [
    ...[wabaId, phoneNumberId, priority, depth, durationText(Date.now() - Date.parse(oldestParkedAt))],
  ]);
  return showTable(context, ['waba', 'number', 'priority', 'depth', 'age'], rows);
}

type CancelFlags = { readonly waba: string; readonly dryRun?: boolean };

const cancelVerb = (context: Context) =>
  newVerb('cancel', {
    summary: 'cancels a campaign: nothing more of it is sent, now and later',
    more: 'Its commands end as cancelled. What was handed to Meta already is not called back.',
    examples: [
      'talaria backlog cancel spring-sale --waba 1000 --dry-run',
      'talaria backlog cancel spring-sale --waba 1000',
    ],
  })
    .argument('<campaign>', 'its id, as the commands have it', campaignId)
    .addOption(new Option('--waba <id>', 'the account whose it is').argParser(metaId).makeOptionMandatory())
    .addOption(dryRunOption())
    .action(async (campaign: string, { waba, dryRun = false }: CancelFlags) => {
      const asked = { wabaId: waba, campaignId: campaign };
      const done = await cancelCampaign(await context.dataSource(0), asked, { dryRun });
      context.answer({ dryRun, ...done }, () => cancelText(done, dryRun));
    });

function cancelText({ campaignId: id, parked, isNew }: Cancellation, dryRun: boolean): string {
  const waits = `${parked} of its commands wait in the backlog.`;
  if (!isNew) return `Campaign ${id} was cancelled before. ${waits}`;
  return dryRun
    ? `Would cancel campaign ${id}: ${waits}`
    : `Campaign ${id} is cancelled: ${waits} They end as cancelled when their turn comes.`;
}
