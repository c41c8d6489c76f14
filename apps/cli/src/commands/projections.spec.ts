import { runCli } from '../../testing/run-cli';

it.each([
  [['status', '1'], 'too many arguments'],
  [['status', '--drop'], "unknown option '--drop'"],
  [['drop'], "missing required argument 'version'"],
  [['drop', 'two'], 'a whole number from 1 to'],
  [['promote', '1', '2'], 'too many arguments'],
  [['promote', '0'], 'a whole number from 1 to'],
  [['compare', '1'], 'name both versions, or none'],
  [['retain'], "required option '--months <n>' not specified"],
  [['retain', '--months', '-1'], 'a whole number from 1 to'],
  [['retain', '--months', '0'], 'a whole number from 1 to'],
  [['rollback', '--no'], "unknown option '--no'"],
  [['status'], 'DATABASE_URL is missing'],
])('a wrong command line is refused: %j', async (args, problem) => {
  const { code, out, err } = await runCli(['projections', ...args]);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(problem);
  expect(err).toContain(`See: talaria projections ${args[0]} --help`);
});
