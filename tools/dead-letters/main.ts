import { userInfo } from 'node:os';
import { readEnvironment } from '@talaria/config';
import { createDataSource, databaseSettings } from '@talaria/database';
import { createVerifiedProducer, kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { readArguments, usage } from './arguments';
import { redriveTopics } from './redriven-record';
import { runVerb } from './run-verb';

// `npm run dead-letters -- list|show|redrive|discard`: looks after what could not be processed.
runTool(async () => {
  const asked = readArguments(process.argv.slice(2), Date.now());
  if (asked.verb === 'help') {
    console.log(usage);
    return 0;
  }
  const { DATABASE_URL } = readEnvironment(databaseSettings, process.env);
  const interrupt = new AbortController();
  void untilSignal().then(() => interrupt.abort());
  const dataSource = await createDataSource({ DATABASE_URL, DATABASE_POOL_SIZE: 4 }).initialize();
  try {
    return await runVerb(asked, {
      dataSource,
      openProducer: () =>
        createVerifiedProducer({
          config: readEnvironment(kafkaSettings, process.env),
          clientId: 'talaria.dead-letters',
          topics: redriveTopics,
          logger: createLogger('dead-letters', process.env.LOG_LEVEL ?? 'error'),
        }),
      whoami,
      signal: interrupt.signal,
      print: (line) => console.log(line),
      say: (line) => console.error(line),
    });
  } finally {
    await dataSource.destroy();
  }
});

/** In a container the user may have no name. */
function whoami(): string {
  try {
    return userInfo().username;
  } catch (cause) {
    throw new Error('the operating system does not know your name: give it with --by', { cause });
  }
}
