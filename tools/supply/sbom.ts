import { version } from '../../package.json';
import { runTool } from '../setup/run-tool';
import { sbomOf } from './sbom-of';
import { shipped } from './shipped';

runTool(() => {
  console.log(JSON.stringify(sbomOf(version, shipped()), null, 2));
  return Promise.resolve(0);
});
