import { runTool, UsageError } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { buildJaeger } from './build-jaeger';
import { findJaeger, startJaeger, usualPorts } from './jaeger';

const say = (line: string) => console.error(line);

// `npm run jaeger`: a Jaeger on this machine, on its usual ports, until Ctrl-C; built first when it is not there. `--build` only builds it.
runTool(async () => {
  const args = process.argv.slice(2).join(' ');
  if (args !== '' && args !== '--build') throw new UsageError('usage: npm run jaeger [-- --build]');
  const program = findJaeger(process.env) ?? (await buildJaeger(say));
  if (args === '--build') {
    say(`Jaeger is at ${program}`);
    return 0;
  }
  const stopped = untilSignal();
  const jaeger = await startJaeger(program, usualPorts);
  say(`Jaeger keeps traces in memory at ${jaeger.url}. Send them there:`);
  console.log(`export OTEL_EXPORTER_OTLP_ENDPOINT='${jaeger.otlpUrl}'`);
  say('Ctrl-C ends it.');
  await stopped;
  await jaeger.stop();
  return 0;
});
