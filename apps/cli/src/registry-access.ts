import { databaseSettings } from '@talaria/database';
import {
  type MetaAccess,
  type RegistryAccess,
  type SealingAccess,
  type SignedAccess,
} from '@talaria/operations';
import { createKeyProvider, secretsSettings } from '@talaria/registry';
import { dispatcherSettings } from '@talaria/settings';
import { createCloudApiClient } from '@talaria/whatsapp';
import { type Context } from './context';
import { whoami } from './whoami';

const { GRAPH_API_URL, GRAPH_API_VERSION, GRAPH_API_TIMEOUT } = dispatcherSettings;
const graphApiSettings = { GRAPH_API_URL, GRAPH_API_VERSION, GRAPH_API_TIMEOUT };

/** @param silenceMs as for `createDataSource` */
export async function registryAccess(
  context: Context,
  dryRun = false,
  silenceMs?: number,
): Promise<RegistryAccess> {
  return { dataSource: await context.dataSource(silenceMs), dryRun };
}

/** What a person does to a sender is kept under their name. */
export async function signedAccess(
  context: Context,
  { by = whoami(), dryRun = false }: { readonly by?: string; readonly dryRun?: boolean },
): Promise<SignedAccess> {
  return { ...(await registryAccess(context, dryRun)), by };
}

/** Where a token or secret is stored, or opened. */
export async function sealingAccess(
  context: Context,
  { dryRun = false, asksMeta = false } = {},
): Promise<SealingAccess> {
  // All that is missing is named at once.
  const config = context.settings({
    ...databaseSettings,
    ...secretsSettings,
    ...(asksMeta && graphApiSettings),
  });
  return { dataSource: await context.dataSource(), keys: createKeyProvider(config), dryRun };
}

export async function withMeta<T>(context: Context, work: (meta: MetaAccess) => Promise<T>): Promise<T> {
  const config = context.settings(graphApiSettings);
  const client = createCloudApiClient({
    baseUrl: config.GRAPH_API_URL,
    version: config.GRAPH_API_VERSION,
    timeoutMs: config.GRAPH_API_TIMEOUT,
    connections: 1,
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
