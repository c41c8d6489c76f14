import { sqlOf } from '@talaria/database';
import { type CloudApiClient } from '@talaria/whatsapp';
import { type TopicsAccess } from '../topics/topics';
import { configurationCheck, type ServiceSettings } from './check-configuration';
import { databaseChecks, type OpenDatabase } from './check-database';
import { kafkaChecks } from './check-kafka';
import { metaCheck } from './check-meta';
import { tokensCheck, type TokenAccess } from './check-tokens';
import { spoolCheck, type SpoolSettings } from './check-spool';
import { type Finding, runChecks } from './finding';

export type Examination = {
  readonly services: ServiceSettings;
  readonly env: NodeJS.ProcessEnv;
  /** Rejects when it is away, or its settings are wrong. */
  readonly openDatabase: OpenDatabase;
  readonly openKafka: () => TopicsAccess;
  /** Where this machine has a spool. */
  readonly spool?: SpoolSettings | undefined;
  /** Where this environment should have the keys of tokens and secrets. */
  readonly openKeys?: TokenAccess['openKeys'] | undefined;
  /** Where Meta is to be asked. */
  readonly meta?: (Pick<CloudApiClient, 'probe'> & { readonly url: string }) | undefined;
  readonly deadlineMs: number;
};

/** Looks at everything that an installation stands on, and changes nothing but for a file that comes and goes in the spool's folder. Never throws for what it finds. */
export function examine(asked: Examination): Promise<Finding[]> {
  const { services, env, openKafka, openKeys, spool, meta, deadlineMs } = asked;
  let opened: ReturnType<OpenDatabase> | undefined;
  const openDatabase: OpenDatabase = () => (opened ??= asked.openDatabase());
  return runChecks(
    [
      configurationCheck(services, env),
      ...databaseChecks(openDatabase),
      ...kafkaChecks(openKafka, async () => sqlOf(await openDatabase())),
      ...(spool === undefined ? [] : [spoolCheck(spool)]),
      ...(openKeys === undefined ? [] : [tokensCheck({ openDatabase, openKeys, meta })]),
      ...(meta === undefined ? [] : [metaCheck(meta.url)]),
    ],
    deadlineMs,
  );
}
