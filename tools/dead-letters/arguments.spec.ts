import { readArguments } from './arguments';

const now = Date.UTC(2026, 0);
const read = (args: readonly string[]) => readArguments(args, now);
const list = { verb: 'list', json: false, filter: {}, states: ['open'], limit: 50, after: undefined };

describe('the arguments of the dead-letters command', () => {
  it.each([
    [['list'], list],
    [['list', '--json', '--limit', '7', '--after', '9'], { ...list, json: true, limit: 7, after: 9 }],
    [['list', '--state', 'discarded'], { ...list, states: ['discarded'] }],
    [['list', '--state', 'all'], { ...list, states: ['open', 'redriven', 'discarded'] }],
    [
      [
        'list',
        '--cause',
        'permanent',
        '--code',
        '131047',
        '--waba',
        '9',
        '--number',
        '1',
        '--campaign',
        'a.b',
      ],
      { ...list, filter: { cause: 'permanent', code: 131047, waba: '9', number: '1', campaign: 'a.b' } },
    ],
    [
      ['list', '--since', '2026-01-31', '--until', '2026-01-31T12:00:00+01:00', '--topic', 'webhooks'],
      {
        ...list,
        filter: {
          ...{ since: '2026-01-31T00:00:00.000Z', until: '2026-01-31T11:00:00.000Z', topic: 'webhooks' },
        },
      },
    ],
    [['show', '7'], { verb: 'show', json: false, id: 7, body: false }],
    [['show', '7', '--body'], { verb: 'show', json: false, id: 7, body: true }],
    [
      ['redrive', '7', '8', '--reason', 'why'],
      {
        ...{ verb: 'redrive', json: false, what: 'begin', reason: 'why', by: undefined },
        order: { filter: { ids: [7, 8] }, perSecond: 50, correction: undefined },
      },
    ],
    [
      ['redrive', '--all', '--rate', '9', '--by', 'ada', '--reason', 'why', '--correct', '{"to":"+1"}'],
      {
        ...{ verb: 'redrive', json: false, what: 'begin', reason: 'why', by: 'ada' },
        order: { filter: {}, perSecond: 9, correction: { to: '+1' } },
      },
    ],
    [
      ['redrive', '--cause', 'expired', '--expires-at', '2030-01-01T00:00:00Z', '--dry-run'],
      {
        ...{ verb: 'redrive', json: false, what: 'try' },
        order: {
          filter: { cause: 'expired' },
          perSecond: 50,
          correction: { expiresAt: '2030-01-01T00:00:00Z' },
        },
      },
    ],
    [['redrive', '--continue', '3'], { verb: 'redrive', json: false, what: 'continue', id: 3 }],
    [['redrive', '--continue', '3', '--rate', '2'], { verb: 'redrive', what: 'continue', perSecond: 2 }],
    [['redrive', '--abandon', '3'], { verb: 'redrive', json: false, what: 'abandon', id: 3 }],
    [
      ['discard', '--code', '0', '--reason', 'why'],
      { verb: 'discard', what: 'begin', filter: { code: 0 }, reason: 'why' },
    ],
    [['discard', '--all', '--dry-run'], { verb: 'discard', what: 'try', filter: {} }],
    [['show', '--help'], { verb: 'help', json: false }],
  ])('name what is to be done: %j', (args, expected) => {
    expect(read(args)).toMatchObject(expected);
  });

  it.each([
    [[], 'usage'],
    [['mend'], 'usage'],
    [['list', '7'], 'list takes no ids'],
    [['list', '--body'], 'list has no --body'],
    [['list', '--state', 'gone'], '--state must be one of'],
    [['list', '--limit', '1001'], '--limit must be a whole number from 1 to 1000'],
    [['list', '--after', 'x'], '--after must be a whole number'],
    [['list', '--cause', 'bad luck'], '--cause must be one of'],
    [['list', '--code', '-1'], 'code'],
    [['list', '--code', '3.5'], '--code must be a whole number'],
    [['list', '--waba', 'x'], '--waba must be'],
    [['list', '--number', '+1555'], '--number must be'],
    [['list', '--campaign', 'a b'], '--campaign must be'],
    [['list', '--topic', 'events'], '--topic must be one of'],
    [['list', '--since', 'yesterday'], '--since must be like'],
    [['list', '--until', '2026-13-01'], '--until must be like'],
    [['list', '--no-such'], 'no-such'],
    [['show'], 'show takes one id'],
    [['show', '1', '2'], 'show takes one id'],
    [['show', '0'], 'an id must be'],
    [['redrive', '--reason', 'why'], 'redrive needs a filter, ids, or --all'],
    [['redrive', '7'], 'redrive needs --reason'],
    [['redrive', '7', '--reason', ' '], 'redrive needs --reason'],
    [['redrive', '7', '--reason', 'why', '--by', ''], '--by must be a name'],
    [['redrive', '7', '--all', '--reason', 'why'], '--all and a filter exclude each other'],
    [['redrive', '7', '--reason', 'why', '--rate', '0'], '--rate must be a whole number from 1 to 10000'],
    [['redrive', '7', '--reason', 'why', '--state', 'all'], 'redrive has no --state'],
    [['redrive', '7', '--dry-run', '--correct', '{'], '--correct must be a JSON object'],
    [['redrive', '7', '--dry-run', '--correct', '[1]'], '--correct must be a JSON object'],
    [['redrive', '7', '--dry-run', '--correct', '{}'], '--correct must be a JSON object'],
    [['redrive', '7', '--dry-run', '--correct', '{"id":"b"}'], '--correct cannot change id'],
    [['redrive', '7', '--dry-run', '--correct', '{"wabaId":null}'], '--correct cannot change wabaId'],
    [['redrive', '7', '--dry-run', '--expires-at', '2025-12-31T23:59:59Z'], 'must be a time to come'],
    [['redrive', '7', '--dry-run', '--expires-at', '2030-01-01'], 'must be a time to come'],
    [['redrive', '--continue', '3', '7'], 'takes its own letters'],
    [['redrive', '--continue', '3', '--cause', 'data'], 'redrive --continue has no --cause'],
    [['redrive', '--continue', 'x'], '--continue must be a whole number'],
    [['redrive', '--abandon', '3', '--rate', '1'], 'redrive --abandon has no --rate'],
    [['discard', '--reason', 'why'], 'discard needs a filter, ids, or --all'],
    [['discard', '7'], 'discard needs --reason'],
    [['discard', '7', '--reason', 'why', '--rate', '1'], 'discard has no --rate'],
  ])('are refused, with the usage: %j', (args, problem) => {
    expect(() => read(args)).toThrow(problem);
    expect(() => read(args)).toThrow('usage: npm run dead-letters --');
  });
});
