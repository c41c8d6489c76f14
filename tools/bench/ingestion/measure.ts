import { setTimeout as sleep } from 'node:timers/promises';
import { Bits } from '../load/bits';
import { type LoadPlan, type LoadReport } from '../load/plan';
import { median, type Result, round, spread } from '../report';
import { type Ground } from './ground';
import { type Receiver } from './receivers';
import { type Found } from './store';

export type Load = Pick<LoadPlan, 'connections' | 'itemsPerBody' | 'loop' | 'measureMs'> & {
  /** Called when the last answer is there, before anything is read. */
  readonly onLoadEnded?: () => void;
  /** How long the store may take to have everything. */
  readonly completeWithinMs?: number;
};

/** A run of the load generator, and what the store held afterwards. */
export type Run = LoadReport & {
  /** Items that were answered 200 and are not in the store; undefined: there is no store. */
  readonly lost: number | undefined;
  readonly copies: number | undefined;
};

/** More than are needed while answers come: what waits for longer than usual must not stop what comes after it. */
export const OPEN_LOOP_CONNECTIONS = 2000;
const WARM_UP_MS = 1500;
/** More than any receiver takes here: requests, and items in larger bodies, a second. */
const AT_MOST = { requests: 60_000, items: 150_000 };
/** A receiver that keeps webhooks on disk before they are in Kafka may be asked soon after. */
const COMPLETE_WITHIN_MS = 30_000;

/** Puts load on a receiver, then compares what it has answered 200 with what its store holds, item by item, and empties the store. */
export async function measure(ground: Ground, receiver: Receiver, load: Load): Promise<Run> {
  const report = await ground.generator.run(planFor(receiver, load));
  load.onLoadEnded?.();
  const { store, name } = receiver;
  if (report.exhausted) ground.say(`${name}: the prepared requests were used up; the run ended early`);
  const { lost, copies } = await compare(ground, receiver, report, load);
  await store?.empty();
  ground.say(lineFor(receiver, load, { ...report, lost, copies }));
  return { ...report, lost, copies };
}

function planFor({ server, store }: Receiver, load: Load): LoadPlan {
  const { connections, itemsPerBody, loop, measureMs } = load;
  const seconds = (WARM_UP_MS + measureMs) / 1000;
  const perSecond = itemsPerBody === 1 ? AT_MOST.requests : AT_MOST.items / itemsPerBody;
  return {
    connections,
    itemsPerBody,
    loop,
    measureMs,
    port: server.options.httpPort,
    warmUpMs: WARM_UP_MS,
    // An open loop makes what it needs as it goes.
    prepare: loop.kind === 'closed' ? Math.ceil(seconds * perSecond) : 50_000,
    watch: { app: server.pid === undefined ? [] : [server.pid], store: store ? store.pids : [] },
  };
}

/** Reads again while something is missing, until it is clear that it will not come. */
async function compare(
  { signal }: Ground,
  { store }: Receiver,
  { acknowledged }: LoadReport,
  { itemsPerBody, completeWithinMs = COMPLETE_WITHIN_MS }: Load,
): Promise<Pick<Run, 'lost' | 'copies'>> {
  if (!store) return { lost: undefined, copies: undefined };
  const bodies = Bits.from(acknowledged);
  const deadline = Date.now() + completeWithinMs;
  for (;;) {
    signal.throwIfAborted();
    const found = await store.read(bodies.first * itemsPerBody);
    const lost = countLost(bodies, itemsPerBody, found);
    if (lost === 0 || Date.now() > deadline) return { lost, copies: found.copies };
    await sleep(1000, undefined, { signal });
  }
}

export function countLost(bodies: Bits, itemsPerBody: number, { items }: Pick<Found, 'items'>): number {
  let lost = 0;
  for (const body of bodies.values()) {
    for (let item = 0; item < itemsPerBody; item++) if (!items.has(body * itemsPerBody + item)) lost++;
  }
  return lost;
}

/** Requests a second. */
export const rateOf = ({ answered, seconds }: LoadReport) => answered / seconds;

/** CPU of application and store together for each request; undefined when one of them is not known. */
export function cpuOf({ cpuUs: { app, store } }: LoadReport): number | undefined {
  return app === undefined || store === undefined ? undefined : app + store;
}

/** What the rounds of one receiver have in common. @param factor what one request counts for */
export function resultOf(name: string, connections: number, runs: readonly Run[], factor = 1): Result {
  const middle = (read: (run: Run) => number | undefined) => medianOf(runs.map(read));
  const sum = (read: (run: Run) => number) => runs.reduce((total, run) => total + read(run), 0);
  return {
    name,
    connections,
    rate: spread(
      runs.map((run) => rateOf(run) * factor),
      0,
    ),
    p50Ms: middle(({ latencyMs }) => latencyMs.p50) ?? 0,
    p99Ms: middle(({ latencyMs }) => latencyMs.p99) ?? 0,
    cpuUs: middle(cpuOf),
    cpu: {
      app: middle(({ cpuUs }) => cpuUs.app),
      store: middle(({ cpuUs }) => cpuUs.store),
      generator: middle(({ cpuUs }) => cpuUs.generator),
    },
    lost: runs.some(({ lost }) => lost === undefined) ? null : sum(({ lost = 0 }) => lost),
    copies: runs.some(({ copies }) => copies === undefined) ? null : sum(({ copies = 0 }) => copies),
    notOk: sum(notOkOf),
    othersShare: middle(({ othersShare }) => othersShare),
  };
}

/** Requests without a 200. */
export function notOkOf({ statuses, connectionErrors, unanswered }: LoadReport): number {
  const answers = Object.values(statuses).reduce((total, count) => total + count, 0);
  return answers - (statuses['200'] ?? 0) + connectionErrors + unanswered;
}

function medianOf(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length ? null : round(median(known), 2);
}

function lineFor({ name }: Receiver, { connections, itemsPerBody, loop }: Load, run: Run): string {
  const { latencyMs, cpuUs, othersShare, lost, copies, statuses, connectionErrors, unanswered } = run;
  const many = itemsPerBody === 1 ? '' : ` × ${itemsPerBody} items`;
  const cpu = `CPU µs: app ${show(cpuUs.app)}, store ${show(cpuUs.store)}, generator ${show(cpuUs.generator)}`;
  const wrong =
    notOkOf(run) === 0 ? '' : `; ${JSON.stringify({ ...statuses, connectionErrors, unanswered })}`;
  return (
    `${name.padEnd(12)} ${loop.kind === 'open' ? 'open loop' : `${connections} connections`}: ${Math.round(rateOf(run))}/s${many}, ` +
    `p50 ${show(latencyMs.p50)} ms, p99 ${show(latencyMs.p99)} ms; ${cpu}; others ${show(othersShare && othersShare * 100)} %; lost ${lost ?? '-'}, copies ${copies ?? '-'}${wrong}`
  );
}

const show = (value: number | undefined) => (value === undefined ? '?' : String(round(value, 1)));
