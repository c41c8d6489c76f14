import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnvironment } from '@talaria/config';
import { type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { checkInbound, type InboundEvidence } from './inbound/check';
import { gatherInbound } from './inbound/gather';
import { startInboundLoad } from './inbound/load';
import { makeInboundPlan } from './inbound/plan';
import { groupBy } from './group-by';
import { clearFaults } from './nemesis/deeds';
import { type Fault, startNemesis } from './nemesis/nemesis';
import { type Step } from './nemesis/plan';
import { check as checkOutbound } from './outbound/check';
import { type Evidence as OutboundEvidence } from './outbound/evidence';
import { deathsOf, heldOf } from './excuses';
import { gather as gatherOutbound } from './outbound/gather';
import { blocked, type Course, numbers, planPublications } from './outbound/plan';
import { startPublishers } from './outbound/publish';
import { type Passage, recoveriesOf } from './recovery';
import { keepEvidence } from './keep-evidence';
import { type ChaosReport, isBroken } from './report';
import { endedByWaba, settle, untilSpoolsAreEmpty } from './settle';
import { ANSWERED_WITHIN_SECONDS, LOOKED_FOR_SECONDS, openSite, type Site, type SiteOptions } from './site';
import { startWitness, type Witness } from './witness';

export type ChaosOptions = SiteOptions & {
  readonly course: Course;
  /** What goes wrong; see `planSteps`. */
  readonly tracks: readonly (readonly Step[])[];
  /** How long what is on its way is waited for, once nobody hurts anything any more. */
  readonly settleWithinMs?: number;
};

/** All that was seen of a run. */
type History = {
  readonly faults: readonly Fault[];
  readonly failures: readonly string[];
  readonly witness: Witness;
  readonly inbound: InboundEvidence;
  readonly outbound: OutboundEvidence;
  readonly settledAfterMs: number | undefined;
};

/** Ten times what a slow number takes for all that may be on its way. */
const SETTLE_WITHIN_MS = 900_000;
const logger = createLogger('chaos', 'silent');

/** Load both ways while things go wrong as planned; then a quiet end, all lists, and what differs between them. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const site = await openSite(options);
  try {
    const history = await drive(site, options);
    const report = judge(history, site, options);
    if (isBroken(report)) {
      const { faults, inbound, outbound } = history;
      const folder = join(options.directories.logDirectory, 'evidence');
      keepEvidence(folder, { inbound, outbound, nemesis: { faults } });
      options.say(`what was compared is in ${folder}, beside the logs`);
    }
    return report;
  } finally {
    await site.close();
  }
}

async function drive(site: Site, options: ChaosOptions): Promise<History> {
  const { course, tracks, stack, say, settleWithinMs = SETTLE_WITHIN_MS } = options;
  const config = readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: stack.kafkaBrokers,
    KAFKA_PREFIX: site.platform.kafkaPrefix,
  });
  await clearFaults(site);
  const witness = await startWitness(config, logger);
  const plan = makeInboundPlan(course);
  const startedAt = Date.now();
  const { databaseUrl } = site.platform;
  const { published, ended } = await startPublishers(planPublications(course), {
    ...{ startedAt, endsAt: startedAt + course.seconds * 1000, config, logger },
    endedOf: () => endedByWaba(databaseUrl),
  });
  const { webhookUrls: urls, secret } = site;
  const load = startInboundLoad(plan, { urls, appSecret: () => secret.current, startedAt });
  const nemesis = startNemesis(tracks, startedAt, course.seconds, site);
  await Promise.all([ended, nemesis.ended]);
  await site.mend();
  // What nobody has answered 200 by then is given up.
  await Promise.race([load.ended, sleep(settleWithinMs, undefined, { ref: false })]);
  await load.stop(0);
  say(
    `${published.length} records of commands and ${plan.length} webhooks were offered; waiting for what is on its way`,
  );
  const commands = new Set(published.map(({ id }) => id)).size;
  const settledAfterMs = await settleAll(site, config, commands, settleWithinMs);
  const seen = await gatherInbound(databaseUrl, config, logger);
  await witness.untilSeen(seen.events.length);
  await witness.stop();

  const { faults, failures } = nemesis;
  const witnessed = {
    ...{ published, lookedForMs: LOOKED_FOR_SECONDS * 1000, blocked: new Set(blocked) },
    ...{ deaths: deathsOf(faults), departures: site.departures.read(), toldAt: witness.statusAt() },
    late: site.departures.readFailed(1000 * ANSWERED_WITHIN_SECONDS),
    messagesPerSecond: new Map(numbers.map((number) => [number.phoneNumberId, number.messagesPerSecond])),
  };
  const outbound = await gatherOutbound(site.platform, config, witnessed, logger);
  const foreign = new Set(outbound.accepted.map(({ wamid }) => wamid));
  const inbound = { ...seen, plan, history: load.history, held: heldOf(faults), foreign };
  return { faults, failures, witness, inbound, outbound, settledAfterMs };
}

async function settleAll(
  { platform, processes, say }: Site,
  config: KafkaConfig,
  commands: number,
  settleWithinMs: number,
): Promise<number | undefined> {
  const from = Date.now();
  const ingestions = [processes.ingestion, processes['ingestion-2']];
  const moving =
    (await untilSpoolsAreEmpty(ingestions, settleWithinMs)) ??
    (await settle(platform, config, commands, settleWithinMs, logger));
  if (moving === undefined) return Date.now() - from;
  say(`not settled: ${moving}`);
  return undefined;
}

function judge(history: History, { ended }: Site, { course, defect }: ChaosOptions): ChaosReport {
  const { inbound, outbound, faults, failures, settledAfterMs } = history;
  return {
    ...{ seed: course.seed, seconds: course.seconds, defect, settledAfterMs, ended, failures },
    inbound: checkInbound(inbound),
    outbound: checkOutbound(outbound),
    counts: {
      webhooks: inbound.history.length,
      items: inbound.plan.reduce((sum, { items }) => sum + items.length, 0),
      acknowledged: inbound.history.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length,
      commands: new Set(outbound.published.map(({ id }) => id)).size,
      messages: outbound.accepted.length,
      faults: faults.length,
    },
    deadLetters: countCauses(outbound.deadLetters),
    recoveries: recoveriesOf(faults, waysOf(history)),
  };
}

/** From the webhook to its answer, from a message to its event, from a command to Meta. */
function waysOf({ inbound: { plan, history }, outbound, witness }: History): Record<string, Passage[]> {
  const acceptedAt = new Map(outbound.accepted.map(({ commandId, at }) => [commandId, at]));
  return {
    answered: history.flatMap(({ firstAt, acknowledgedAt }) =>
      firstAt === undefined ? [] : [{ offeredAt: firstAt, doneAt: acknowledgedAt }],
    ),
    told: plan.flatMap(({ items }, place) => {
      const offeredAt = history[place]?.firstAt;
      if (offeredAt === undefined) return [];
      return items.flatMap((item) =>
        item.kind === 'message' ? [{ offeredAt, doneAt: witness.receivedAt.get(item.wamid) }] : [],
      );
    }),
    sent: outbound.published.map(({ id, at }) => ({ offeredAt: at, doneAt: acceptedAt.get(id) })),
  };
}

function countCauses(letters: OutboundEvidence['deadLetters']): Record<string, number> {
  const groups = groupBy(letters, ({ cause }) => cause);
  return Object.fromEntries([...groups].map(([cause, some]) => [cause, some.length]));
}
