import { readEnvironment } from '@talaria/config';
import { topics } from '@talaria/contracts';
import { createVerifiedProducer, kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { runTool } from '../setup/run-tool';
import { readArguments } from './arguments';
import { replaySpool } from './replay-spool';
import { reportOf, spoolStatus, verifySpool } from './spool-status';

// `npm run spool -- status|verify|replay`: looks after the folder in which ingestion keeps webhooks while Kafka is away.
runTool(async () => {
  const { verb, directory, json } = readArguments(process.argv.slice(2), process.env);
  const say = (line: string) => console.error(line);
  if (verb === 'replay') {
    const config = readEnvironment(kafkaSettings, process.env);
    const logger = createLogger('spool', process.env.LOG_LEVEL ?? 'error');
    const names = [topics.webhooks.name, topics.webhooksDlq.name];
    const producer = await createVerifiedProducer({
      config,
      clientId: 'talaria.spool',
      topics: names,
      logger,
    });
    try {
      const replayed = await replaySpool({ directory, producer, logger, say });
      console.log(
        json ? JSON.stringify({ directory, ...replayed }) : `${replayed.items} items are in Kafka.`,
      );
      return 0;
    } finally {
      await producer.close();
    }
  }
  const status = await (verb === 'verify' ? verifySpool(directory, say) : spoolStatus(directory));
  console.log(json ? JSON.stringify(status) : reportOf(status));
  return (status.damagedBytes ?? 0) > 0 ? 1 : 0;
});
