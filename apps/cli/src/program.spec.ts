import { runCli } from '../testing/run-cli';
import { silentProgram } from '../testing/silent-program';
import { pathOf, withAllBelow } from './run';
import { examplesOf } from './verb';

const verbs = [...withAllBelow(silentProgram)].filter(({ commands }) => commands.length === 0);
const help = async (path: string) => (await runCli([...path.split(' ').slice(1), '--help'])).out;

describe.each(verbs.map((verb) => [pathOf(verb), verb] as const))('%s', (path, verb) => {
  it('has a summary, and examples in its help', async () => {
    expect(verb.summary()).toMatch(/^[a-z][^.]+$/);
    const examples = examplesOf(verb);
    expect(examples).not.toEqual([]);
    const shown = await help(path);
    for (const example of examples) expect(shown).toContain(`  $ ${example}\n`);
  });

  it('has examples of itself, with flags that it has', () => {
    const known = verb.options.flatMap(({ short, long }) => [short, long]);
    for (const example of examplesOf(verb)) {
      expect(example).toContain(path);
      const own = example.slice(example.indexOf(path)).split(/ \||&&|[<>]/)[0] ?? '';
      for (const flag of own.match(/(?<=\s)--?[a-z][a-z-]*/g) ?? []) expect(known).toContain(flag);
    }
  });
});

it('names its nouns with their summaries', async () => {
  const shown = await help('talaria');
  for (const noun of silentProgram.commands) expect(shown).toContain(`  ${noun.name()}`);
  expect(silentProgram.commands.every((noun) => noun.summary() !== '')).toBe(true);
});

describe('a wrong command line', () => {
  it.each([
    [['topics', 'mend'], "unknown command 'mend'", 'talaria topics --help'],
    [['topics', 'diff', '--no-such'], "unknown option '--no-such'", 'talaria topics diff --help'],
    [['topics', 'diff', 'more'], 'too many arguments', 'talaria topics diff --help'],
    [['topics', 'diff', '-o', 'xml'], 'Allowed choices are table, json', 'talaria topics diff --help'],
    [['topix'], "unknown command 'topix'", 'talaria --help'],
    [['topics', 'diff'], 'KAFKA_BROKERS is missing', 'talaria topics diff --help'],
  ])('is told, and where help is: %j', async (args, problem, pointer) => {
    const { code, out, err } = await runCli(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(problem);
    expect(err.trimEnd().split('\n').at(-1)).toBe(`See: ${pointer}`);
  });

  it.each([[[]], [['topics']]])('without a verb is answered with the verbs there are: %j', async (args) => {
    expect(await runCli(args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Commands:') });
  });
});

describe('a server that is away', () => {
  it('is named with what to check, without a stack, unless for whoever debugs', async () => {
    const env = { KAFKA_BROKERS: '127.0.0.1:1' };
    expect(await runCli(['topics', 'diff'], { env })).toEqual({
      code: 4,
      out: '',
      err: 'error: Kafka does not answer at 127.0.0.1:1: check that it runs, KAFKA_BROKERS, and KAFKA_SSL\n',
    });
    const { err } = await runCli(['topics', 'diff'], { env: { ...env, DEBUG: '1' } });
    expect(err).toMatch(/\n +at /);
  }, 20_000);
});

it('colours what a terminal shows, unless its owner wants none', async () => {
  const coloured = await runCli(['topics', 'mend'], { isTerminal: true });
  expect(coloured.err).toContain('\u001b[31merror:');
  const plain = await runCli(['topics', 'mend'], { isTerminal: true, env: { NO_COLOR: '1' } });
  expect(plain.err).not.toContain('\u001b');
});
