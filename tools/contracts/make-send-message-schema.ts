import 'reflect-metadata';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import { customSchemas, SendMessage } from '@talaria/contracts';

/** The published JSON Schema of SendMessage v1, made from the class. A spec holds the file to it. */
export function makeSendMessageSchema(): Record<string, unknown> {
  const made = validationMetadatasToSchemas({ additionalConverters: customSchemas })[SendMessage.name];
  if (made === undefined) throw new Error('no schema was made of SendMessage');
  const optional = new Set(['to', 'recipient']);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://talaria.dev/schemas/send-message.v1.schema.json',
    title: 'SendMessage v1',
    description: 'Asks for one WhatsApp message. Value of a record on whatsapp.outbound; its key is wabaId.',
    type: 'object',
    properties: made.properties,
    required: (made.required ?? []).filter((name) => !optional.has(name)),
    anyOf: [{ required: ['to'] }, { required: ['recipient'] }],
    additionalProperties: false,
  };
}
