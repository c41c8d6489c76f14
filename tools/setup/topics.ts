import { readEnvironment } from '@talaria/config';
import { kafkaSettings } from '@talaria/kafka';
import { prepareTopics } from './prepare';
import { runTool } from './run-tool';

// `npm run topics`: creates what is missing; exit code 1 when a topic is not as declared.
runTool(async () => {
  const { created, differences } = await prepareTopics(readEnvironment(kafkaSettings, process.env));
  for (const topic of created) console.log(`created   ${topic}`);
  for (const difference of differences) console.error(`differs   ${difference}`);
  if (differences.length > 0)
    console.error('Nothing of these was changed. Decide for each whether topic or declaration is right.');
  else console.log('All topics are as declared.');
  return differences.length > 0 ? 1 : 0;
});
