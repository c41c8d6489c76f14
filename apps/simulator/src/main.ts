import '@talaria/observability/tracing';
import { runProcess } from '@talaria/observability';
import { readConfig } from './config';
import { createApp } from './create-app';

runProcess('simulator', async (logger) => {
  const { httpPort, ...options } = readConfig(process.env);
  const app = await createApp(options, logger);
  await app.listen(httpPort, '0.0.0.0');
  return app;
});
