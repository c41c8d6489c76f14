import { type IngestionConfig } from '../config';

/** A Meta app whose webhooks are taken. */
export type App = {
  /** As in the registry; empty for the app of the environment. */
  readonly id: string;
  /** Any of them may have signed. Empty when none opens. */
  readonly secrets: readonly string[];
  /** Undefined when it has none, or it does not open. */
  readonly verifyToken: string | undefined;
  /** Secrets that do not open: what they might have signed is refused for now, not for good. */
  readonly sealedSecrets: number;
  /** Likewise of the verify token and Meta's handshake. */
  readonly isTokenSealed: boolean;
  /** The database was not heard lately, and may know of another secret or token by now: what these do not open is refused for now, not for good. */
  readonly isStale: boolean;
};

export type Apps = {
  /** @param id undefined for the app of the environment */
  find(id: string | undefined): App | undefined;
  /** Whether the apps of the registry are known: before, nobody can say of an id whether there is such an app. */
  readonly areKnown: boolean;
  /** When the database has told of them last, in ms since 1970; undefined when it never has. */
  readonly knownAt: number | undefined;
  /** The secrets and verify tokens that do not open, by app. */
  readonly faults: ReadonlyMap<string, number>;
  /** Why no webhook at all can be taken; undefined when some can. */
  fault(): string | undefined;
  /** For liveness: why the registry is followed no more, whether the database is there or not. */
  stalled(): string | undefined;
  /** Those that are known stay. */
  close(): Promise<void>;
};

/** The app of the environment, if it names one. */
export function ownAppOf(
  config: Pick<IngestionConfig, 'WHATSAPP_APP_SECRET' | 'WHATSAPP_VERIFY_TOKEN'>,
): App | undefined {
  const { WHATSAPP_APP_SECRET: secrets, WHATSAPP_VERIFY_TOKEN: verifyToken } = config;
  return secrets && { id: '', secrets, verifyToken, sealedSecrets: 0, isTokenSealed: false, isStale: false };
}

/** No app but that of the environment. */
export function onlyApp(own: App | undefined): Apps {
  return {
    find: (id) => (id === undefined ? own : undefined),
    areKnown: true,
    knownAt: undefined,
    faults: new Map(),
    fault: () => undefined,
    stalled: () => undefined,
    close: () => Promise.resolve(),
  };
}
