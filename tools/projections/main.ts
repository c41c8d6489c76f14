import { readEnvironment } from '@talaria/config';
import { createDataSource, databaseSettings } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';
import { runTool } from '../setup/run-tool';
import { readArguments, usage } from './arguments';
import { runVerb } from './run-verb';

// `npm run projections -- status|rebuild|…`: looks after the versions of the read model.
runTool(async () => {
  const asked = readArguments(process.argv.slice(2));
  if (asked.verb === 'help') {
    console.log(usage);
    return 0;
  }
  const { DATABASE_URL } = readEnvironment(databaseSettings, process.env);
  const { KAFKA_BROKERS = '' } = process.env;
  const dataSource = await createDataSource(
    { DATABASE_URL, DATABASE_POOL_SIZE: 4 },
    undefined,
    0,
  ).initialize();
  try {
    return await runVerb(asked, {
      dataSource,
      kafka: KAFKA_BROKERS === '' ? undefined : readEnvironment(kafkaSettings, process.env),
      print: (line) => console.log(line),
      say: (line) => console.error(line),
    });
  } finally {
    await dataSource.destroy();
  }
});
