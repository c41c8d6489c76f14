import { FileError, readCsv, readJsonLines, templateMessage } from './draft';

describe('a CSV file', () => {
  it('says the fields of each command, and its message by text or template', () => {
    const text =
      '\uFEFFto,text,template,language,param.2,param.10,param.1,metadata.order,campaign\r\n' +
      '+15550001111,"Hello, ""you""\nthere",,,,,,7,spring\r\n' +
      '\r\n' +
      '+15550002222,,order_update,en_US,b,c,a,,\r\n';
    const [one, two] = readCsv(text, { phoneNumberId: '100', priority: 'campaign' });
    expect(one).toEqual({
      line: 2,
      fields: {
        ...{ phoneNumberId: '100', priority: 'campaign', to: '+15550001111', campaignId: 'spring' },
        ...{ metadata: { order: '7' }, message: { type: 'text', text: { body: 'Hello, "you"\nthere' } } },
      },
    });
    expect(two?.line).toBe(5);
    const parameters = ['a', 'b', 'c'].map((body) => ({ text: body }));
    expect(two?.fields.message).toEqual(templateMessage('order_update', 'en_US', parameters));
  });

  it('names parameters that have names', () => {
    const [one] = readCsv('template,language,param.shop\norder,de,Acme\n', {});
    expect(one?.fields.message).toEqual(templateMessage('order', 'de', [{ name: 'shop', text: 'Acme' }]));
  });

  it('with an unknown column, no head or an open quote is not read at all', () => {
    expect(() => readCsv('to,txt\n', {})).toThrow(/column "txt": columns are id, to/);
    expect(() => readCsv('', {})).toThrow(FileError);
    expect(() => readCsv('to,text\n+1,"a secret\n', {})).toThrow(/at line \d+: is a quote not closed/);
  });

  it('has a faulty line where cells are missing', () => {
    expect(readCsv('to,text\n+15550001111\n', {})).toEqual([
      { line: 2, fields: {}, problems: ['it has 1 cells, the head has 2'] },
    ]);
  });
});

it('JSON lines win over what is said for all; one that is no object is faulty', () => {
  expect(
    readJsonLines('{"to":"+1","priority":"reply"}\n\n[1]\nnonsense\n', { priority: 'campaign', from: 'x' }),
  ).toEqual([
    { line: 1, fields: { to: '+1', priority: 'reply', from: 'x' } },
    { line: 3, fields: {}, problems: ['it is no JSON object'] },
    { line: 4, fields: {}, problems: ['it is no JSON object'] },
  ]);
});
