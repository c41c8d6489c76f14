import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { repositoryRoot } from '../stack/repository';
import { readArguments } from './arguments';
import { planSteps } from './nemesis/plan';
import { startHurtableStack } from './surroundings/hurtable-stack';
import { isBroken, toText } from './report';
import { runChaos } from './run-chaos';

const say = (line: string) => console.error(line);

// `npm run chaos`: load both ways while everything around the platform fails; then every list is compared with what was offered.
runTool(async () => {
  // Whatever was started is ended, by force, and disks are given back.
  void untilSignal().then(() => process.exit(130));
  const {
    minutes,
    seed = Date.now() % 1_000_000,
    tracks,
    json,
    defect,
  } = readArguments(process.argv.slice(2));
  say(`seed ${seed}`);
  const root = join(repositoryRoot(), '.talaria');
  const directory = join(root, 'chaos');
  // What a run left that was ended from outside.
  rmSync(directory, { recursive: true, force: true });
  const stack = await startHurtableStack({ directory, say });
  try {
    const course = { seed, seconds: minutes * 60 };
    const logs = join(root, 'logs', `chaos-${seed}`);
    const report = await runChaos({
      ...{ course, tracks: planSteps(course, tracks), stack, defect, say },
      directories: {
        logDirectory: logs,
        pidDirectory: join(root, 'pids'),
        spoolDirectory: join(directory, 'spool'),
      },
    });
    console.log(json ? JSON.stringify(report) : toText(report));
    return isBroken(report) ? 1 : 0;
  } finally {
    await stack.stop();
  }
});
