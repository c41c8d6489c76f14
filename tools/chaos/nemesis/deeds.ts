import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnvironment } from '@talaria/config';
import { topics } from '@talaria/contracts';
import { kafkaSettings } from '@talaria/kafka';
import { Client } from 'pg';
import { type AppProcess } from '../../platform/app-process';
import { type NewNumber } from '../../platform/register';
import { freeze } from '../../stack/freeze';
import { moveLeaders } from '../surroundings/leaders';
import { blocked, numbers } from '../outbound/plan';
import { metricOf } from '../metric-of';
import { processNames } from '../processes';
import { type Deed } from './plan';
import { type Victims } from './victims';

const AGAIN_MS = 300;
const UP_WITHIN_MS = 120_000;
/** Meta's stand-in takes what was signed with the old secret until ingestions have heard of the new one. */
const HEARD_WITHIN_MS = 3000;
/** By then what was sent at the old rate is not counted any more. */
const FORGOTTEN_WITHIN_MS = 2000;
export const APP = 'chaos-app';

/** Does it, for as long as it lasts, and mends it: resolves when nothing is left of it but what the platform has to recover from. */
export async function deedOf(deed: Deed, victims: Victims): Promise<void> {
  const { platform, processes, stack } = victims;
  const { simulator } = platform;
  switch (deed.kind) {
    case 'mishap':
      await simulator.addFault({
        ...{ match: { phoneNumberId: deed.phoneNumberId }, times: deed.times, answer: deed.answer },
      });
      return;
    case 'weather': {
      const match = deed.phoneNumberId === undefined ? {} : { phoneNumberId: deed.phoneNumberId };
      await simulator.addFault({ match, times: null, answer: deed.answer });
      await sleep(deed.ms);
      return clearFaults(victims);
    }
    case 'killed':
      await processes[deed.process].kill();
      await sleep(deed.ms);
      return startUntilUp(processes[deed.process]);
    case 'frozen':
      return frozen(processes[deed.process], deed.ms);
    case 'stopped':
      return replaced(processes[deed.process], deed.ms);
    case 'rolled':
      for (const name of processNames) await replaced(processes[name], 0);
      return;
    case 'scaled-up': {
      const third = await untilDone(Date.now() + UP_WITHIN_MS, () => victims.addThird(deed.app));
      await sleep(deed.ms);
      await third.stop().finally(() => victims.thirds.delete(third));
      return;
    }
    case 'broker-killed':
      return hurtBrokers(victims, [deed.broker], deed.ms);
    case 'broker-frozen': {
      const broker = brokersOf(stack.brokers, [deed.broker]);
      for (const one of broker) one.pause();
      await sleep(deed.ms);
      for (const one of broker) one.resume();
      return;
    }
    case 'brokers-lost':
      return hurtBrokers(
        victims,
        [0, 1, 2].filter((index) => index !== deed.butFor),
        deed.ms,
      );
    case 'leaders-moved':
      return leadersMoved(victims, deed.ms);
    case 'postgres-stopped':
    case 'postgres-killed':
    case 'postgres-frozen':
      return hurtPostgres(victims, deed.kind, deed.ms);
    case 'ledger-locked':
      return ledgerLocked(platform.databaseUrl, deed.ms);
    case 'network': {
      const link = victims.linkBetween(deed.from, deed.to);
      link.hurt(deed.fault);
      await sleep(deed.ms);
      link.heal();
      return;
    }
    case 'clock-stepped':
      victims.clocks.set(deed.process, deed.byMs);
      await sleep(deed.ms);
      victims.clocks.set(deed.process, 0);
      return;
    case 'disk-full':
      return diskFull(victims, deed.process, deed.ms);
    case 'token-revoked':
      return tokenRevoked(victims, deed.wabaId, deed.ms);
    case 'secret-rotated':
      return secretRotated(victims, deed.ms);
    case 'number-paused':
      await insist(victims, ['numbers', 'pause', deed.phoneNumberId, '--reason', 'chaos']);
      await sleep(deed.ms);
      return insist(victims, ['numbers', 'resume', deed.phoneNumberId]);
    case 'rate-lowered':
      return rateLowered(victims, deed.phoneNumberId, deed.ms);
  }
}

/** Takes away all faults of Meta's but those that last for the whole run. */
export async function clearFaults({ platform: { simulator } }: Pick<Victims, 'platform'>): Promise<void> {
  await simulator.removeFaults();
  for (const recipient of blocked)
    await simulator.addFault({ match: { recipient }, times: null, answer: { code: 131026 } });
}

/** As an orchestrator does: one that cannot start, because a server is away, is started again. */
export async function startUntilUp(app: AppProcess): Promise<void> {
  await untilDone(Date.now() + UP_WITHIN_MS, () =>
    app.start().catch(async (error: unknown) => {
      await app.kill();
      throw error;
    }),
  );
}

async function untilDone<T>(deadline: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(AGAIN_MS);
    }
  }
}

/** A verb that cannot be carried out, because a server is away, is tried again, as a person would. */
const insist = (victims: Victims, args: readonly string[], input?: string) =>
  untilDone(Date.now() + UP_WITHIN_MS, () => victims.talaria(args, input));

async function frozen({ pid }: AppProcess, ms: number): Promise<void> {
  if (pid === undefined) return;
  freeze(pid);
  await sleep(ms);
  goOn(pid);
}

/** One that has ended meanwhile cannot. */
function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function replaced(app: AppProcess, ms: number): Promise<void> {
  await app.stop();
  await sleep(ms);
  return startUntilUp(app);
}

function brokersOf<T>(all: readonly T[], indexes: readonly number[]): T[] {
  return all.filter((_, index) => indexes.includes(index));
}

async function hurtBrokers({ stack }: Victims, indexes: readonly number[], ms: number): Promise<void> {
  const victims = brokersOf(stack.brokers, indexes);
  await Promise.all(victims.map((one) => one.kill()));
  await sleep(ms);
  await Promise.all(victims.map((one) => one.start()));
}

async function leadersMoved({ stack, platform }: Victims, ms: number): Promise<void> {
  const config = readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: stack.kafkaBrokers,
    KAFKA_PREFIX: platform.kafkaPrefix,
  });
  const moves = await Promise.all(
    [topics.webhooks, topics.outbound].map(({ name }) => moveLeaders(config, name)),
  );
  await sleep(ms);
  await Promise.all(moves.map((one) => one.stop()));
}

async function hurtPostgres(
  { stack: { postgres } }: Victims,
  kind: 'postgres-stopped' | 'postgres-killed' | 'postgres-frozen',
  ms: number,
): Promise<void> {
  if (kind === 'postgres-frozen') {
    postgres.pause();
    await sleep(ms);
    postgres.resume();
    return;
  }
  await (kind === 'postgres-killed' ? postgres.kill() : postgres.stop());
  await sleep(ms);
  await postgres.start();
}

/** Connections stay, and nothing that concerns the ledger is answered. */
async function ledgerLocked(databaseUrl: string, ms: number): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('LOCK TABLE dispatch_commands IN ACCESS EXCLUSIVE MODE');
    await sleep(ms);
    await client.query('ROLLBACK');
  } finally {
    await client.end();
  }
}

async function diskFull({ linkBetween, disks, stack }: Victims, process: string, ms: number): Promise<void> {
  const disk = disks?.get(process);
  const links = stack.brokers.map(({ nodeId }) => linkBetween(process, `kafka-${nodeId}`));
  for (const link of links) link.hurt({ kind: 'cut' });
  disk?.fill();
  await sleep(ms);
  disk?.free();
  for (const link of links) link.heal();
}

export const tokenOf = (wabaId: string, revoked = 0) => `chaos-token-${wabaId}-${revoked}`;

/** Meta takes another token from now on; the registry learns of it later. */
async function tokenRevoked(victims: Victims, wabaId: string, ms: number): Promise<void> {
  const { platform } = victims;
  const accessToken = tokenOf(wabaId, Date.now());
  const itsNumbers = numbers.filter((one) => one.wabaId === wabaId);
  for (const { phoneNumberId } of itsNumbers) await tellMeta(victims, phoneNumberId, { accessToken });
  await sleep(ms);
  await untilDone(Date.now() + UP_WITHIN_MS, () =>
    platform.replaceToken(
      itsNumbers.map(({ phoneNumberId }) => phoneNumberId),
      accessToken,
    ),
  );
}

async function tellMeta(
  { platform, numbers: known }: Victims,
  phoneNumberId: string,
  change: Partial<NewNumber>,
): Promise<void> {
  const before = known.get(phoneNumberId);
  if (before === undefined) throw new Error(`there is no number ${phoneNumberId}`);
  const after = { ...before, ...change };
  known.set(phoneNumberId, after);
  await platform.simulator.putNumber(after);
}

/** As docs/accounts.md says: the new one is stored, Meta signs with it, the old one is dropped. */
async function secretRotated(victims: Victims, ms: number): Promise<void> {
  const next = randomBytes(16).toString('hex');
  await insist(victims, ['apps', 'rotate-secret', APP, '--secret-stdin'], next);
  await sleep(HEARD_WITHIN_MS);
  victims.secret.current = next;
  await sleep(ms);
  await insist(victims, ['apps', 'rotate-secret', APP, '--drop-old']);
}

/** First where it is asked for, and raised again first where it is allowed. */
async function rateLowered(victims: Victims, phoneNumberId: string, ms: number): Promise<void> {
  const usual = victims.numbers.get(phoneNumberId)?.messagesPerSecond ?? 0;
  const lower = usual / 2;
  await insist(victims, ['numbers', 'set-rate', phoneNumberId, String(lower)]);
  await untilHeard(victims);
  await sleep(FORGOTTEN_WITHIN_MS);
  await tellMeta(victims, phoneNumberId, { messagesPerSecond: lower });
  await sleep(ms);
  await tellMeta(victims, phoneNumberId, { messagesPerSecond: usual });
  await insist(victims, ['numbers', 'set-rate', phoneNumberId, String(usual)]);
}

/** Every dispatcher has read the registry since now: one that does not reach Postgres goes on with what it knows. */
async function untilHeard({ processes, thirds }: Victims): Promise<void> {
  const since = performance.now();
  const isHeard = async (app: AppProcess, isThird: boolean) => {
    if (isThird && !thirds.has(app)) return;
    // Before it is asked: it may be frozen while it answers.
    const elapsed = performance.now() - since;
    if (1000 * (await metricOf(app, 'talaria_registry_age_seconds')) > elapsed)
      throw new Error(`${app.name} has not read the registry yet`);
  };
  const until = (app: AppProcess, isThird = false) =>
    untilDone(Date.now() + UP_WITHIN_MS, () => isHeard(app, isThird));
  const others = [...thirds].filter(({ name }) => name.startsWith('dispatcher'));
  await Promise.all([
    ...[processes.dispatcher, processes['dispatcher-2']].map((app) => until(app)),
    ...others.map((app) => until(app, true)),
  ]);
}
