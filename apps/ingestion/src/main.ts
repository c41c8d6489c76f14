import '@talaria/observability/tracing';
import { topics } from '@talaria/contracts';
import { createVerifiedProducer } from '@talaria/kafka';
import { runProcess, startMetricsServer } from '@talaria/observability';
import { readConfig } from './config';
import { createApp } from './create-app';

runProcess('ingestion', async (logger) => {
  const config = readConfig(process.env);
  const metrics = await startMetricsServer(config.METRICS_PORT);
  const producer = await createVerifiedProducer({
    config,
    clientId: 'talaria.ingestion',
    topics: [topics.webhooks.name, topics.webhooksDlq.name],
    logger,
  });
  const app = await createApp(config, producer, logger);
  await app.listen(config.HTTP_PORT, '0.0.0.0');
  return {
    close: async () => {
      await app.close();
      await metrics.close();
    },
  };
});
