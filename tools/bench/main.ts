import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { useStack } from '../setup/use-stack';
import { listCases, readArguments } from './arguments';
import { type BenchCase } from './bench-case';
import { deadLetters } from './dead-letters/case';
import { dispatcher } from './dispatcher/case';
import { growth } from './growth/case';
import { ingestion } from './ingestion/case';
import { loop } from './loop/case';
import { projection } from './projection/case';
import { reports } from './report';
import { start } from './start/case';
import { tracing } from './tracing/case';

const cases: Readonly<Record<string, BenchCase>> = {
  dispatcher,
  ingestion,
  loop,
  projection,
  'dead-letters': deadLetters,
  tracing,
  growth,
  start,
};

const say = (line: string) => console.error(line);

// `npm run bench`: measures on this machine. A missed goal is told, and is no failure of the command.
runTool(async () => {
  const asked = readArguments(process.argv.slice(2), cases);
  if (asked === undefined) {
    console.log(listCases(cases));
    return 0;
  }
  const stop = new AbortController();
  void untilSignal().then((name) => stop.abort(new Error(`ended by ${name}`)));
  const stack = await useStack(say);
  let failed = 0;
  try {
    for (const options of asked) {
      say(`Case ${options.case}:`);
      try {
        const outcome = await cases[options.case]?.run({ options, stack, say, signal: stop.signal });
        if (outcome) console.log(reports[options.format](options.case, outcome, process.argv.slice(2)));
      } catch (error) {
        // One that could not be measured keeps nobody from the others.
        if (stop.signal.aborted || asked.length === 1) throw error;
        say(`${options.case} failed: ${error instanceof Error ? error.message : String(error)}`);
        failed++;
      }
    }
    return failed === 0 ? 0 : 1;
  } finally {
    await stack.stop();
  }
});
