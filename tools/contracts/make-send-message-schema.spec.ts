import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeSendMessageSchema } from './make-send-message-schema';

const file = join(__dirname, '../../libs/contracts/schemas/send-message.v1.schema.json');

describe('the published schema of SendMessage', () => {
  it('is the one that the class makes (UPDATE_SCHEMAS=1 rewrites the file)', () => {
    const made = `${JSON.stringify(makeSendMessageSchema(), null, 2)}\n`;
    if (process.env.UPDATE_SCHEMAS === '1') writeFileSync(file, made);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(made));
  });
});
