import { readEnvironment } from '@talaria/config';
import { databaseSettings } from '@talaria/database';
import { prepareDatabase } from './prepare';
import { runTool } from './run-tool';

// `npm run migrate`: brings the schema up to date.
runTool(async () => {
  const ran = await prepareDatabase(readEnvironment(databaseSettings, process.env).DATABASE_URL);
  console.log(ran.length === 0 ? 'The schema is up to date.' : `Ran ${ran.join(', ')}.`);
  return 0;
});
