import { buildRequest } from './build-request';

const command = {
  id: 'cmd-1',
  wabaId: '900',
  phoneNumberId: '100',
  to: '+15550001111',
  message: {
    type: 'text',
    text: { body: 'hi' },
    context: { message_id: 'wamid.q' },
    recipient_identity_key_hash: 'h',
  },
};
const sent = (fields: object) =>
  JSON.parse(JSON.stringify(buildRequest({ ...command, ...fields }, 2))) as unknown;

it("passes Meta's message on and adds who, what and whose it is", () => {
  expect(sent({})).toEqual({
    ...command.message,
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: '+15550001111',
    biz_opaque_callback_data: 'talaria/cmd-1/2',
  });
});

it('lets ours win over what stands in the message', () => {
  const strange = {
    messaging_product: 'x',
    recipient_type: 'group',
    biz_opaque_callback_data: 'x',
    to: '+1666',
    recipient: 'US.1',
    status: 'read',
  };
  expect(sent({ message: { ...command.message, ...strange } })).toEqual(sent({}));
});

it('names a user id only when there is no phone, and never a phone that only the message names', () => {
  const { to: _to, ...rest } = sent({}) as { to: string };
  const recipient = 'US.13491208655302741918';
  expect(sent({ recipient })).toEqual(sent({}));
  expect(sent({ to: undefined, recipient })).toEqual({ ...rest, recipient });
  expect(sent({ to: undefined, recipient, message: { ...command.message, to: '+1666' } })).toEqual({
    ...rest,
    recipient,
  });
});
