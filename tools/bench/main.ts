import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { useStack } from '../setup/use-stack';
import { listCases, readArguments } from './arguments';
import { type BenchCase } from './bench-case';
import { deadLetters } from './dead-letters/case';
import { dispatcher } from './dispatcher/case';
import { ingestion } from './ingestion/case';
import { projection } from './projection/case';
import { toJson, toText } from './report';
import { tracing } from './tracing/case';

const cases: Readonly<Record<string, BenchCase>> = {
  dispatcher,
  ingestion,
  projection,
  'dead-letters': deadLetters,
  tracing,
};

const say = (line: string) => console.error(line);

// `npm run bench`: measures on this machine. A missed goal is told, and is no failure of the command.
runTool(async () => {
  const options = readArguments(process.argv.slice(2), cases);
  const chosen = options && cases[options.case];
  if (options === undefined || chosen === undefined) {
    console.log(listCases(cases));
    return 0;
  }
  const stop = new AbortController();
  void untilSignal().then((name) => stop.abort(new Error(`ended by ${name}`)));
  const stack = await useStack(say);
  try {
    const outcome = await chosen.run({ options, stack, say, signal: stop.signal });
    console.log(options.json ? toJson(options.case, outcome) : toText(options.case, outcome));
    return 0;
  } finally {
    await stack.stop();
  }
});
