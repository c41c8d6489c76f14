import { runCli } from '../../testing/run-cli';

describe('a wrong command line', () => {
  it.each([
    [['list', '7'], 'too many arguments'],
    [['list', '--body'], "unknown option '--body'"],
    [['list', '--state', 'gone'], 'Allowed choices are open, redriven, discarded, all'],
    [['list', '--limit', '1001'], 'a whole number from 1 to 1000'],
    [['list', '--after', 'x'], "option '--after <id>' argument 'x' is invalid. It must be a whole number"],
    [['list', '--cause', 'bad luck'], 'Allowed choices are decode'],
    [['list', '--code', '3.5'], 'a whole number from 0 to'],
    [['list', '--waba', 'x'], 'an id of digits'],
    [['list', '--number', '+1555'], 'an id of digits'],
    [['list', '--campaign', 'a b'], 'a campaign id'],
    [['list', '--topic', 'events'], 'Allowed choices are outbound, webhooks'],
    [['list', '--since', 'yesterday'], 'It must be like 2026-01-31'],
    [['list', '--until', '2026-13-01'], 'It must be like 2026-01-31'],
    [['show'], "missing required argument 'id'"],
    [['show', '1', '2'], 'too many arguments'],
    [['show', '0'], 'a whole number from 1'],
    [['redrive', '--reason', 'why'], 'by a filter, by ids, or by --all'],
    [['redrive', '7'], '--reason is missing'],
    [['redrive', '7', 'x', '--reason', 'why'], 'a whole number from 1'],
    [['redrive', '7', '--reason', ' '], 'a text that is not empty'],
    [['redrive', '7', '--reason', 'why', '--by', ''], 'a text that is not empty'],
    [['redrive', '7', '--all', '--reason', 'why'], '--all and a filter exclude each other'],
    [['redrive', '7', '--reason', 'why', '--rate', '0'], 'a whole number from 1 to 10000'],
    [['redrive', '7', '--reason', 'why', '--state', 'all'], "unknown option '--state'"],
    [['redrive', '7', '--dry-run', '--correct', '{'], 'It must be a JSON object'],
    [['redrive', '7', '--dry-run', '--correct', '[1]'], 'It must be a JSON object'],
    [['redrive', '7', '--dry-run', '--correct', '{}'], 'It must be a JSON object'],
    [['redrive', '7', '--dry-run', '--correct', '{"id":"b"}'], 'It cannot change id'],
    [['redrive', '7', '--dry-run', '--correct', '{"wabaId":null}'], 'It cannot change wabaId'],
    [['redrive', '7', '--dry-run', '--expires-at', '2025-12-31T23:59:59Z'], 'a time to come'],
    [['redrive', '7', '--dry-run', '--expires-at', '2090-01-01'], 'a time to come'],
    [['redrive', '--continue', '3', '7'], 'take their own letters'],
    [['redrive', '--continue', '3', '--cause', 'data'], 'cannot be used with option'],
    [['redrive', '--continue', 'x'], 'a whole number from 1'],
    [['redrive', '--abandon', '3', '--rate', '1'], 'cannot be used with option'],
    [['redrive', '--abandon', '3', '--continue', '3'], 'cannot be used with option'],
    [['discard', '--reason', 'why'], 'by a filter, by ids, or by --all'],
    [['discard', '7'], '--reason is missing'],
    [['discard', '7', '--reason', 'why', '--rate', '1'], "unknown option '--rate'"],
    [['redrive', '7', '--reason', 'why'], 'DATABASE_URL is missing'],
    [['redrive', '7', '--reason', 'why'], 'KAFKA_BROKERS is missing'],
  ])('is refused: %j', async (args, problem) => {
    const { code, out, err } = await runCli(['dead-letters', ...args]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(problem);
    expect(err).toContain(`See: talaria dead-letters ${args[0]} --help`);
  });
});
