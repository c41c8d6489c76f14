import { spawnSync } from 'node:child_process';
import { runTool } from '../setup/run-tool';
import { repositoryRoot } from '../stack/repository';
import { judge, readReport } from './audit';
import { exceptions } from './exceptions';

runTool(() => {
  // Its exit code is 1 for what is excepted, too.
  const { stdout, error } = spawnSync('npm', ['audit', '--json', '--omit=dev'], {
    cwd: repositoryRoot(),
    encoding: 'utf8',
  });
  if (error !== undefined) throw new Error(`npm could not be started: ${error.message}`);
  const { faults, excepted } = judge(readReport(stdout), exceptions, new Date().toISOString().slice(0, 10));
  for (const { id, title } of excepted) console.log(`${id}: ${title}: excepted`);
  for (const fault of faults) console.error(fault);
  if (faults.length === 0) console.log('No advisory for what is shipped that is not excepted.');
  return Promise.resolve(faults.length === 0 ? 0 : 1);
});
