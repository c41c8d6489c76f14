import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { type AppProcess } from '../platform/app-process';
import { type Platform, type PlatformDirectories, startPlatform } from '../platform/platform';
import { freePorts } from '../stack/ports';
import { type Stack } from '../stack/stack';
import { check, type Evidence, type Findings, kinds } from './check';
import { gather } from './gather';
import { clearFaults, startMisfortune, startUntilUp, tokenOf, type Victims } from './misfortune';
import { DISPATCHERS, numbers, type Plan } from './plan';
import { startPublishers } from './publish';
import { settle } from './settle';

export type SoakOptions = {
  readonly plan: Plan;
  /** One broker, that nothing else uses: it is frozen and killed. */
  readonly stack: Pick<Stack, 'kafkaBrokers' | 'databaseUrl' | 'brokers'>;
  readonly directories?: PlatformDirectories;
  readonly say: (line: string) => void;
};

export type SoakReport = {
  readonly published: number;
  readonly accepted: number;
  readonly deadLettered: Readonly<Record<string, number>>;
  readonly retried: number;
  readonly findings: Findings;
  /** Processes that ended though nobody asked them to. */
  readonly ended: readonly string[];
};

const LOOKED_FOR_SECONDS = 30;

/** Long for what is short in production, and the other way round: a minute has to hold what takes days there. */
const settings = {
  dispatcher: {
    KAFKA_SESSION_TIMEOUT: '6s',
    // Shorter than a hang lasts, and longer than a busy machine needs for an answer.
    GRAPH_API_TIMEOUT: '4s',
    UNKNOWN_CHECK_INTERVAL: '1s',
    // Longer than a status may be late for an outage and a restart of the processor behind it.
    UNKNOWN_WAIT: `${LOOKED_FOR_SECONDS}s`,
    RETRY_SCHEDULE: '200ms 400ms 800ms 2s 2s 3s 3s 3s',
    RETRY_SCHEDULE_UNAVAILABLE: '400ms 800ms 2s 2s 3s 3s 3s 3s',
    RETRY_IN_LANE_MAX: '1s',
    PARK_DURATION: '3s',
    DISPATCH_MAX_QUEUED: '60',
  },
  processor: { KAFKA_SESSION_TIMEOUT: '6s' },
};
const SETTLE_WITHIN_MS = 90_000;

/** Publishes for a while, lets happen what is planned, waits for the end of it all, and compares. */
export async function runSoak({ plan, stack, directories, say }: SoakOptions): Promise<SoakReport> {
  const ended: string[] = [];
  const restarts = new Map<string, AppProcess>();
  const platform = await startPlatform({
    ...{
      ...stack,
      name: `soak-${Date.now().toString(36)}`,
      env: settings,
      ...(directories && { directories }),
    },
    onUnexpectedEnd(name, how) {
      ended.push(`${name}: ${how}`);
      const app = restarts.get(name);
      if (app !== undefined) startUntilUp(app).catch((error: unknown) => say(String(error)));
    },
  });
  try {
    for (const number of numbers)
      await platform.addNumber({ ...number, accessToken: tokenOf(number.wabaId) });
    const dispatchers = [platform.apps.dispatcher];
    for (let count = 1; count < DISPATCHERS; count++) {
      const [metricsPort] = await freePorts(1);
      dispatchers.push(
        await platform.addProcess(`dispatcher-${count + 1}`, 'dist/apps/dispatcher/src/main.js', {
          ...{ ...settings.dispatcher, GRAPH_API_URL: platform.simulator.url },
          METRICS_PORT: String(metricsPort),
        }),
      );
    }
    for (const app of [...Object.values(platform.apps), ...dispatchers]) restarts.set(app.name, app);
    const [broker] = stack.brokers;
    if (broker === undefined) throw new Error('a soak needs a broker of its own');
    const victims = { platform, dispatchers, broker, adminUrl: stack.databaseUrl, say };
    return { ended, ...(await drive(plan, victims)) };
  } finally {
    await platform.stop();
  }
}

async function drive(plan: Plan, victims: Victims): Promise<Omit<SoakReport, 'ended'>> {
  const { platform, say } = victims;
  const logger = createLogger('soak', 'silent');
  const config = readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: platform.kafkaBrokers,
    KAFKA_PREFIX: platform.kafkaPrefix,
  });
  await clearFaults(platform, plan);
  const startedAt = Date.now();
  const { published, ended } = await startPublishers(plan, startedAt, config, logger);
  const misfortune = startMisfortune(plan, startedAt, victims);
  await Promise.all([ended, misfortune.ended]);
  await clearFaults(platform, plan);
  const commands = new Set(published.map(({ id }) => id)).size;
  say(`${published.length} records of ${commands} commands are published; waiting for what is on its way`);
  const moving = await settle(platform, config, commands, SETTLE_WITHIN_MS, logger);
  if (moving !== undefined) say(`not settled: ${moving}`);
  const { deaths, blind } = misfortune;
  const blocked = new Set(plan.blocked);
  const witnessed = { published, deaths, blind, lookedForMs: LOOKED_FOR_SECONDS * 1000, blocked };
  const evidence = await gather(platform, config, witnessed, logger);
  const findings = check(evidence);
  if (kinds.some((kind) => findings[kind].length > 0)) keepEvidence(evidence, platform, say);
  return {
    published: commands,
    accepted: evidence.accepted.length,
    deadLettered: countBy(evidence.deadLetters, ({ cause }) => cause),
    retried: evidence.retried.size,
    findings,
  };
}

/** Beside the logs, for whoever looks for the cause. */
function keepEvidence(evidence: Evidence, { apps }: Platform, say: (line: string) => void): void {
  const file = join(apps.dispatcher.options.logDirectory, 'evidence.json');
  const asJson = (_: string, value: unknown) => (value instanceof Set ? [...(value as Set<unknown>)] : value);
  writeFileSync(file, JSON.stringify(evidence, asJson));
  say(`what was compared is in ${file}, beside the logs`);
}

function countBy<T>(all: readonly T[], keyOf: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of all) counts[keyOf(one)] = (counts[keyOf(one)] ?? 0) + 1;
  return counts;
}
