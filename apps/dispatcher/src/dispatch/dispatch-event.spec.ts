import { parseSendMessage } from '@talaria/contracts';
import { type Outcome } from '../ledger/ledger';
import { checkCommand } from './check-command';
import { dispatchEvent } from './dispatch-event';
import { outcomeOf } from './outcome-of';

const command = {
  id: 'cmd-1',
  wabaId: '900',
  phoneNumberId: '100',
  to: '+15550001111',
  message: { type: 'text', text: { body: 'hi' } },
  metadata: { order: '42' },
};
const accepted: Outcome = {
  state: 'accepted',
  at: '2026-01-01T00:00:00.000Z',
  wamid: 'wamid.1',
  waId: '15550001111',
};

it('has the same id and content each time it is told', () => {
  const tell = () => dispatchEvent(command, accepted, { version: 3, attempts: 2 });
  expect(tell()).toEqual(tell());
  expect(tell()).toMatchObject({
    id: '900/cmd-1/3',
    type: 'whatsapp.dispatch.accepted.v1',
    time: accepted.at,
  });
});

it('has another id for another version, command or WABA', () => {
  const idOf = (fields: object, version: number) =>
    dispatchEvent({ ...command, ...fields }, accepted, { version, attempts: 1 }).id;
  const ids = [idOf({}, 1), idOf({}, 2), idOf({ id: 'cmd-2' }, 1), idOf({ wabaId: '901' }, 1)];
  expect(new Set(ids).size).toBe(4);
});

it('carries the message only when it was accepted, and never what is not known', () => {
  expect(dispatchEvent(command, accepted, { version: 1, attempts: 1 }).data).toMatchObject({
    message: command.message,
  });
  const { data } = dispatchEvent(command, { state: 'unknown', at: accepted.at }, { version: 1, attempts: 1 });
  expect(Object.keys(data).sort()).toEqual([
    'attempt',
    'commandId',
    'metadata',
    'phoneNumberId',
    'to',
    'version',
    'wabaId',
  ]);
});

it('of the largest command that is refused for all that can be wrong with it fits into a record', () => {
  const contacts = Array.from({ length: 170_000 }, () => ({}));
  const parsed = parseSendMessage(
    Buffer.from(JSON.stringify({ ...command, message: { type: 'contacts', contacts } })),
  );
  if (!parsed.ok) throw new Error(parsed.problems.join());
  const checked = checkCommand(parsed.command, undefined, 0);
  if (checked.ok) throw new Error('nothing is wrong with it');
  const outcome = outcomeOf(checked.decision, 0, 0);
  const { data } = dispatchEvent(parsed.command, outcome, { version: 1, attempts: 0 });
  expect(data.error?.message).toContain('contacts.name.formatted_name must be a text');
  expect(JSON.stringify(data).length).toBeLessThan(700_000);
});
