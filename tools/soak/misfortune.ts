import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type AppProcess } from '../platform/app-process';
import { query } from '../platform/database';
import { type Platform } from '../platform/platform';
import { type Broker } from '../stack/stack';
import { type Evidence, type Span } from './check';
import { numbers, type Plan, type Step } from './plan';

/** What misfortune happens to. */
export type Victims = {
  readonly platform: Platform;
  readonly dispatchers: readonly AppProcess[];
  readonly broker: Broker;
  /** A database on the platform's server that is not the platform's. */
  readonly adminUrl: string;
  readonly say: (line: string) => void;
};

export type Misfortune = {
  /** While a dispatcher did not run, or was frozen. */
  readonly deaths: Evidence['deaths'];
  /** From the beginning of an outage until statuses came through again. */
  readonly blind: Evidence['blind'];
  /** Resolves when the last is over and everything runs again; rejects when something could not be made to. */
  readonly ended: Promise<void>;
};

const AGAIN_MS = 300;
const UP_WITHIN_MS = 90_000;
/** A few times the interval at which statuses are looked for. */
const LOOKED_FOR_MS = 2500;

export const tokenOf = (wabaId: string, revoked = 0) => `soak-token-${wabaId}-${revoked}`;

/** Lets happen what is planned. A track that is late, because something took long to come back, leaves out what would begin in the calm. */
export function startMisfortune(plan: Plan, startedAt: number, victims: Victims): Misfortune {
  const deaths: Span[] = [];
  const blind: Span[] = [];
  const run = async (track: readonly Step[]) => {
    for (const step of track) {
      await sleep(startedAt + step.at - Date.now());
      if (Date.now() > startedAt + plan.calmAt) return;
      victims.say(`${((Date.now() - startedAt) / 1000).toFixed(1)} s: ${titleOf(step)}`);
      const from = Date.now();
      await happen(step, plan, victims, deaths);
      if (!isOutage(step)) continue;
      await untilStatusesArrive(victims.platform);
      blind.push({ from, until: Date.now() });
    }
  };
  return { deaths, blind, ended: Promise.all(plan.tracks.map(run)).then(() => undefined) };
}

const isOutage = ({ kind }: Step) => /^(postgres|ledger|kafka|processor)-/.test(kind);

/**
 * Until all that Meta took so far has a status in the read model, and was looked for there: then each outage is over before the next
 * begins, on a slow machine too.
 */
async function untilStatusesArrive({ simulator, databaseUrl }: Platform): Promise<void> {
  const { accepted } = await simulator.stats();
  await untilDone(Date.now() + UP_WITHIN_MS, async () => {
    const [row] = await query<{ count: string }>(
      databaseUrl,
      'SELECT count(DISTINCT wamid) FROM message_statuses',
    );
    if (Number(row?.count ?? 0) < accepted) throw new Error('statuses do not arrive');
  });
  await sleep(LOOKED_FOR_MS);
}

function titleOf({ at: _, kind, ms, ...rest }: Step): string {
  return `${kind} ${JSON.stringify(rest)}${ms > 0 ? ` for ${ms} ms` : ''}`;
}

async function happen(step: Step, plan: Plan, victims: Victims, deaths: Span[]): Promise<void> {
  const { platform, broker } = victims;
  const { simulator, apps } = platform;
  switch (step.kind) {
    case 'mishap':
      await simulator.addFault({
        ...{ match: { phoneNumberId: step.phoneNumberId }, times: step.times, answer: step.answer },
      });
      return;
    case 'weather': {
      const match = step.phoneNumberId === undefined ? {} : { phoneNumberId: step.phoneNumberId };
      await simulator.addFault({ match, times: null, answer: step.answer });
      await sleep(step.ms);
      await clearFaults(platform, plan);
      return;
    }
    case 'token-revoked':
      await revokeToken(platform, step.wabaId, step.ms);
      return;
    case 'dispatcher-killed':
    case 'dispatcher-frozen': {
      const victim = victims.dispatchers[step.which];
      if (victim === undefined) throw new Error(`there is no dispatcher ${step.which}`);
      const from = Date.now();
      await (step.kind === 'dispatcher-killed' ? killed(victim, step.ms) : frozen(victim, step.ms));
      deaths.push({ from, until: Date.now() });
      return;
    }
    case 'processor-killed':
      return killed(apps.processor, step.ms);
    case 'processor-stopped':
      await apps.processor.stop();
      await sleep(step.ms);
      return startUntilUp(apps.processor);
    case 'postgres-away':
      return postgresAway(victims, step.ms);
    case 'ledger-locked':
      return ledgerLocked(platform.databaseUrl, step.ms);
    case 'kafka-frozen':
      broker.pause();
      await sleep(step.ms).finally(() => broker.resume());
      return;
    case 'kafka-killed':
      await broker.kill();
      await sleep(step.ms);
      await broker.start();
  }
}

/** Takes away all faults but those that last for the whole run. */
export async function clearFaults({ simulator }: Platform, { blocked }: Plan): Promise<void> {
  await simulator.removeFaults();
  for (const recipient of blocked)
    await simulator.addFault({ match: { recipient }, times: null, answer: { code: 131026 } });
}

/** Meta takes another token from now on; the registry learns of it later. */
async function revokeToken(platform: Platform, wabaId: string, ms: number): Promise<void> {
  const accessToken = tokenOf(wabaId, Date.now());
  const itsNumbers = numbers.filter((one) => one.wabaId === wabaId);
  for (const number of itsNumbers) await platform.simulator.putNumber({ ...number, accessToken });
  await sleep(ms);
  const deadline = Date.now() + UP_WITHIN_MS;
  await untilDone(deadline, () =>
    platform.replaceToken(
      itsNumbers.map(({ phoneNumberId }) => phoneNumberId),
      accessToken,
    ),
  );
}

async function killed(app: AppProcess, ms: number): Promise<void> {
  await app.kill();
  await sleep(ms);
  await startUntilUp(app);
}

async function frozen({ pid }: AppProcess, ms: number): Promise<void> {
  if (pid === undefined) return;
  process.kill(pid, 'SIGSTOP');
  await sleep(ms);
  process.kill(pid, 'SIGCONT');
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

/** Every connection to the platform's database breaks, and none is taken. */
async function postgresAway({ adminUrl, platform }: Victims, ms: number): Promise<void> {
  const name = new URL(platform.databaseUrl).pathname.slice(1);
  await query(adminUrl, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  try {
    await query(adminUrl, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
      name,
    ]);
    await sleep(ms);
  } finally {
    await query(adminUrl, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  }
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
