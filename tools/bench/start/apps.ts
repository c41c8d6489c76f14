import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { generateKey } from '@talaria/registry';
import { type AppProcess } from '../../platform/app-process';
import { freePorts } from '../../stack/ports';
import { type Database } from '../database';
import { type Ground } from '../ground';

export const apps = ['ingestion', 'processor', 'dispatcher'] as const;
export type App = (typeof apps)[number];

/** An app as it is deployed, on topics and a database of the run. @returns it, ready, and how long that took */
export async function startApp(
  ground: Ground,
  database: Database,
  app: App,
): Promise<{ readonly server: AppProcess; readonly readyMs: number }> {
  const [metricsPort = 0] = await freePorts(1);
  const from = performance.now();
  const server = await ground.startServer(app, `apps/${app}/src/main.js`, {
    DATABASE_URL: database.url,
    METRICS_PORT: String(metricsPort),
    LOG_LEVEL: 'info',
    WHATSAPP_VERIFY_TOKEN: 'bench-verify-token',
    SPOOL_DIR: join(ground.directory, `spool-${randomUUID()}`),
    SHUTDOWN_DELAY: '0s',
    SECRETS_KEYS: generateKey(),
    SECRETS_KEYS_FILE: '',
    // Nothing is sent.
    GRAPH_API_URL: 'http://127.0.0.1:9',
  });
  return { server, readyMs: performance.now() - from };
}
