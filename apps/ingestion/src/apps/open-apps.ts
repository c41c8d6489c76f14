import { type Logger } from '@talaria/observability';
import { type KeyProvider, open, type Place, SealError } from '@talaria/registry';
import { type App } from './app';

/** An app as it is stored: with nothing opened. */
export type SealedApp = {
  readonly appId: string;
  readonly appSecrets: readonly string[];
  readonly verifyToken: string | null;
};

/**
 * Opens the secrets of apps. What was opened before is not opened again while it stays as it is; what was not is tried again. Logs what is wrong once,
 * and once more when it is well again.
 */
export function createAppOpener(keys: KeyProvider, logger: Logger) {
  let opened = new Map<string, string>();
  /** What was logged, by the sealed text. */
  let told = new Map<string, string>();

  return async (rows: readonly SealedApp[]): Promise<ReadonlyMap<string, App>> => {
    const nowOpened = new Map<string, string>();
    const faults = new Map<string, SealError>();

    async function openOne(place: Place, sealed: string): Promise<string | undefined> {
      // It opens in its own place only, whatever was opened elsewhere.
      const id = [place.table, place.id, place.column, sealed].join('/');
      try {
        const secret = opened.get(id) ?? (await open(keys, place, sealed));
        nowOpened.set(id, secret);
        return secret;
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        faults.set(id, error);
        return undefined;
      }
    }

    async function openApp({ appId: id, appSecrets, verifyToken }: SealedApp): Promise<App> {
      const [token, ...secrets] = await Promise.all([
        verifyToken === null ? null : openOne({ table: 'apps', id, column: 'verify_token' }, verifyToken),
        ...appSecrets.map((sealed) => openOne({ table: 'apps', id, column: 'app_secrets' }, sealed)),
      ]);
      return {
        id,
        secrets: secrets.filter((secret) => typeof secret === 'string'),
        verifyToken: token ?? undefined,
        sealedSecrets: secrets.filter((one) => one === undefined).length,
        isTokenSealed: token === undefined,
        isStale: false,
      };
    }

    const apps = await Promise.all(rows.map(openApp));
    opened = nowOpened;
    const telling = new Map<string, string>();
    for (const [id, { message, place, keyId, reason }] of faults) {
      telling.set(id, place.id);
      if (!told.has(id))
        logger.error(
          { app: place.id, keyId, reason },
          `${message}. What it might have signed is answered 503 until then`,
        );
    }
    for (const [id, app] of told)
      if (!telling.has(id)) logger.info({ app }, 'a secret of it that did not open is well again, or gone');
    told = telling;
    return new Map(apps.map((app) => [app.id, app]));
  };
}
