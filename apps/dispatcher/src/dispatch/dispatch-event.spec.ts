import { type Outcome } from '../ledger/ledger';
import { dispatchEvent } from './dispatch-event';

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
