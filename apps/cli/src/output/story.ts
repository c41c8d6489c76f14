import { type MessageFound, type MessageStory, type Story, timelineOf, type Wait } from '@talaria/operations';
import { printable } from './fields';
import { tableOf } from './table';

type Row = readonly [string, string];

/** A message's story on one screen: what it is, where it waits, what happened, and where to look further. */
export function storyText(story: Story): string {
  const rows = [...commandRows(story), ...story.messages.flatMap(messageRows), ...waitRows(story)];
  const facts = rows.map(([name, text]) => `${name.padEnd(12)} ${printable(text)}`);
  const timeline = timelineOf(story).map(({ at, what, detail }) => [
    at.toISOString(),
    what,
    printable(detail),
  ]);
  return [
    ...facts,
    ...(timeline.length === 0 ? [] : ['', tableOf(['time', 'what', ''], timeline)]),
    ...traceLines(story.traceIds),
  ].join('\n');
}

const joined = (...parts: (string | null | false | undefined)[]) =>
  parts.filter((part) => typeof part === 'string' && part !== '').join(', ');

function commandRows({ command, commandId, wabaId, phoneNumberId, attempts }: Story): Row[] {
  const owner = `number ${phoneNumberId ?? '?'} of account ${wabaId ?? '?'}`;
  if (command === null) return [['number', owner]];
  const { asked, state, stateAt, campaignId, correlationId, recipient } = command;
  const error = joined(
    command.cause,
    command.errorClass !== null && `${command.errorClass} ${command.errorCode ?? ''}`.trim(),
    command.errorMessage,
  );
  const rows: (Row | false)[] = [
    ['command', `${commandId ?? '?'}, ${owner}`],
    [
      'state',
      joined(
        `${state}${stateAt === null ? '' : ` since ${stateAt.toISOString()}`}`,
        attemptsText(command.attempts),
      ),
    ],
    error !== '' && ['because', error],
    ['to', recipient ?? 'unknown, as long as its record is not read'],
    asked !== null && [
      'asked',
      joined(
        asked.at?.toISOString(),
        `${asked.type} as ${asked.priority}`,
        asked.expiresAt !== null && `expires ${asked.expiresAt}`,
        `if unknown: ${asked.onUnknown}`,
      ),
    ],
    asked !== null && ['record', [asked.topic, asked.partition ?? '?', asked.offset ?? '?'].join('/')],
    (campaignId ?? correlationId) !== null && [
      'belongs to',
      joined(
        campaignId !== null && `campaign ${campaignId}`,
        correlationId !== null && `correlation ${correlationId}`,
      ),
    ],
    asked?.message !== undefined && ['contents', JSON.stringify(asked.message)],
    asked?.metadata != null && ['metadata', JSON.stringify(asked.metadata)],
    state === 'accepted' &&
      attempts.length === 0 && ['told', 'not yet in the read model: the processor is behind'],
  ];
  return rows.filter((row) => row !== false);
}

const attemptsText = (count: number) => `${count} attempt${count === 1 ? '' : 's'}`;

function messageRows(message: MessageStory): Row[] {
  const { wamid, direction, type, status, contact, quotes, text, editedText, at } = message;
  const what = joined(
    `${direction} ${type ?? 'of an unknown type'}`,
    status,
    `${direction === 'inbound' ? 'from' : 'to'} ${contact ?? '?'}`,
    direction === 'inbound' && `at ${at.toISOString()}`,
  );
  return [
    ['message', wamid],
    ['', what],
    ...(quotes === null ? [] : [['', `quotes ${quotes}`] as const]),
    ...(text == null ? [] : [['text', text] as const]),
    ...(editedText == null ? [] : [['now', editedText] as const]),
  ];
}

function waitRows({ waits }: Story): Row[] {
  return waits.map((wait) => ['waits', waitText(wait)]);
}

function waitText(wait: Wait): string {
  switch (wait.kind) {
    case 'backlog': {
      const ahead = `${wait.isMore ? 'more than ' : ''}${wait.ahead}`;
      return `in the backlog of its number, ${ahead} before it as ${wait.priority}, ${wait.higher} of higher priorities, since ${wait.since.toISOString()}`;
    }
    case 'retry':
      return `for its next attempt, in ${wait.topic ?? 'its lane'}, ${wait.isOverdue ? 'due since' : 'due at'} ${wait.dueAt.toISOString()}${wait.isOverdue ? ': is a dispatcher running, and has it capacity?' : ''}`;
    case 'attempt':
      return `for Meta's answer: an attempt is under way since ${wait.since.toISOString()}`;
    case 'status':
      return `for a status: nobody knows whether Meta took it${wait.since === null ? '' : `, since ${wait.since.toISOString()}`}${wait.dueAt === null ? '' : `; looked for at ${wait.dueAt.toISOString()}`}`;
    case 'throttled':
      return `in its lane, throttled (${wait.by})${wait.dueAt === null ? '' : ` until ${wait.dueAt.toISOString()}`}`;
    case 'paused':
      return `because its ${wait.who} ${wait.id} is paused ${wait.until === null ? 'until somebody resumes it' : `until ${wait.until.toISOString()}`}${wait.reason === null ? '' : `: ${wait.reason}`}`;
    case 'cancelled':
      return `to end unsent: campaign ${wait.campaignId} was cancelled at ${wait.at.toISOString()}`;
  }
}

function traceLines(traceIds: readonly string[]): string[] {
  const [first] = traceIds;
  if (first === undefined) return [];
  return ['', `traces       ${traceIds.join(' ')}`, `             in Jaeger: …:16686/trace/${first}`];
}

/** What a name may mean, for a person to choose from. */
export function foundText(found: readonly MessageFound[]): string {
  return tableOf(
    ['time', 'direction', 'type', 'status', 'contact', 'account', 'number', 'command', 'wamid'],
    found.map((one) => [
      ...[
        one.at?.toISOString() ?? '-',
        one.direction,
        one.type ?? '-',
        one.status ?? '-',
        one.contact ?? '-',
      ],
      ...[one.wabaId ?? '-', one.phoneNumberId ?? '-', one.commandId ?? '-', one.wamid ?? '-'],
    ]),
  );
}
