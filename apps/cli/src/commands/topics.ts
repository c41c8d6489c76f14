import { access, type Access, type Acl, aclsOf, productAccess } from '@talaria/contracts';
import { kafkaSettings } from '@talaria/kafka';
import {
  applyTopics,
  diffTopics,
  type ListedTopic,
  listTopics,
  type TopicsAccess,
  topicSettings,
  type TopicsDiff,
} from '@talaria/operations';
import { type Command, Option } from 'commander';
import { type Context } from '../context';
import { exitCodes } from '../exit-codes';
import { UsageError } from '../fault-of';
import { showTable } from '../output/table';
import { dryRunOption, newNoun, newVerb } from '../verb';

export function topicsCommand(context: Context): Command {
  return newNoun('topics', 'the Kafka topics of this release')
    .addCommand(listVerb(context))
    .addCommand(diffVerb(context))
    .addCommand(applyVerb(context))
    .addCommand(aclsVerb(context));
}

const listVerb = (context: Context) =>
  newVerb('list', {
    summary: 'every topic that is declared, and whether Kafka has it so',
    examples: ['talaria topics list', 'talaria topics list -o json'],
  }).action(async () => {
    const all = await listTopics(topicsAccess(context));
    context.answer(all, () => listText(context, all));
  });

const diffVerb = (context: Context) =>
  newVerb('diff', {
    summary: 'what Kafka lacks or has otherwise than declared; exit code 1 when there is any',
    examples: ['talaria topics diff', 'talaria topics diff || talaria topics apply'],
  }).action(async () => {
    const diff = await diffTopics(topicsAccess(context));
    context.answer(diff, () => diffText(context, diff));
    if (diff.missing.length + diff.differences.length > 0) context.exitWith(exitCodes.failed);
  });

const applyVerb = (context: Context) =>
  newVerb('apply', {
    summary: 'creates the topics that are missing',
    more: 'A topic that exists is never changed: another partition count would re-key its order, a shorter retention would delete. Exit code 1 when one is not as declared.',
    examples: ['talaria topics apply --dry-run', 'talaria topics apply'],
  })
    .addOption(dryRunOption())
    .action(async ({ dryRun = false }: { dryRun?: boolean }) => {
      const { created, differences } = dryRun
        ? await wouldApply(context)
        : await applyTopics(topicsAccess(context));
      context.answer({ dryRun, created, differences }, () => {
        const did = dryRun ? 'Would create' : 'Created';
        const lines = created.map((topic) => `${did} ${topic}`);
        if (differences.length === 0) return [...lines, dryRun ? done(created) : ALL_AS_DECLARED].join('\n');
        return [...lines, diffText(context, { missing: [], differences })].join('\n');
      });
      if (differences.length > 0) {
        context.say('What differs is left as it is: decide for each whether topic or declaration is right.');
        context.exitWith(exitCodes.failed);
      }
    });

/** Also for whoever looks at topics beside other things. */
export const topicsAccess = (context: Context): TopicsAccess => ({
  config: context.settings({ ...kafkaSettings, ...topicSettings }),
  logger: context.logger,
});

const aclsVerb = (context: Context) =>
  newVerb('acls', {
    summary: 'what each Kafka user of this release may do, as a script',
    more: 'Asks nobody, and changes nothing. The lines expect BOOTSTRAP and ADMIN_CONFIG: where the brokers are, and the file with the credentials of whoever may alter rights. Of all variables only KAFKA_PREFIX counts.',
    examples: ['talaria topics acls > acls.sh', 'talaria topics acls --product shop -o json'],
  })
    .addOption(
      new Option(
        '--product <user>',
        'and what a product of this Kafka user needs, to publish commands and read events',
      ),
    )
    .action(({ product }: { product?: string }) => {
      if (product !== undefined && !/^[\w.-]+$/.test(product))
        throw new UsageError(
          '--product must be a Kafka user of letters, digits, dots, dashes and underscores',
        );
      const { KAFKA_PREFIX } = context.settings({ KAFKA_PREFIX: kafkaSettings.KAFKA_PREFIX });
      const users: readonly Access[] = [
        ...Object.values(access),
        ...(product === undefined ? [] : [productAccess(product)]),
      ];
      const all = users.map((user) => ({
        principal: user.principal,
        who: user.who,
        acls: aclsOf(user, KAFKA_PREFIX),
      }));
      context.answer(all, () =>
        all
          .map(({ principal, who, acls }) =>
            [`# ${who}`, ...acls.map((acl) => aclLine(principal, acl))].join('\n'),
          )
          .join('\n\n'),
      );
    });

function aclLine(principal: string, { resource: { type, name, pattern }, operations }: Acl): string {
  const to = `--bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN_CONFIG" --add --allow-principal User:${principal}`;
  const on = `--${type} ${name} --resource-pattern-type ${pattern}`;
  return ['kafka-acls.sh', to, on, ...operations.map((one) => `--operation ${one}`)].join(' ');
}

const ALL_AS_DECLARED = 'All topics are as declared.';
const done = (created: readonly string[]) =>
  created.length === 0 ? ALL_AS_DECLARED : 'Nothing was changed.';

async function wouldApply(context: Context) {
  const { missing, differences } = await diffTopics(topicsAccess(context));
  return { created: missing, differences };
}

function listText(context: Context, all: readonly ListedTopic[]): string {
  const rows = all.map(({ topic, state, partitions, retentionMs, owner, key, value }) => [
    ...[topic, state.replace('-', ' '), partitions, daysOf(retentionMs), owner, key, value],
  ]);
  return showTable(context, ['topic', 'state', 'partitions', 'kept', 'owner', 'key', 'value'], rows);
}

function diffText(context: Context, { missing, differences }: TopicsDiff): string {
  if (missing.length + differences.length === 0) return ALL_AS_DECLARED;
  const rows = [
    ...missing.map((topic) => [topic, '', 'missing', '']),
    ...differences.map(({ topic, setting, found, declared }) => [topic, setting, found, declared]),
  ];
  return showTable(context, ['topic', 'setting', 'found', 'declared'], rows);
}

const DAY_MS = 86_400_000;
const daysOf = (ms: number) => (ms < 0 ? 'for ever' : `${ms / DAY_MS} days`);
