import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyMs, cpuMsOf } from '../cpu-time';
import { Bits } from './bits';
import { Connection, type Sent } from './connection';
import { type LoadPlan, type LoadReport } from './plan';
import { type RequestPool } from './request-pool';

/** How long the last answers are waited for. */
const LAST_ANSWERS_WITHIN_MS = 10_000;
const RECONNECT_AFTER_MS = 20;

/** Sends what the plan says, out of the pool. Resolves when every answer is there, or cannot be waited for any longer. */
export async function runLoad(plan: LoadPlan, pool: RequestPool): Promise<LoadReport> {
  const { loop, port } = plan;
  /** Open loop: how many requests there will be. */
  const scheduled =
    loop.kind === 'open' ? Math.floor(((plan.warmUpMs + plan.measureMs) * loop.perSecond) / 1000) : 0;
  const open = new Set<Connection>();
  const idle: Connection[] = [];
  const acknowledged = new Bits(Math.floor(pool.nextItem / pool.items));
  const statuses: Record<string, number> = {};
  const latencies: number[] = [];
  const startsAt = performance.now();
  /** Requests that were due in it are measured. */
  const measured = { from: Infinity, to: Infinity };
  let isSending = true;
  let isOver = false;
  let connectionErrors = 0;
  let answered = 0;
  let underWay = 0;
  /** Open loop: how many of the scheduled requests have been sent. */
  let started = 0;
  const usedUp = new AbortController();

  const events = {
    answered(connection: Connection, status: number, { request, since }: Sent) {
      underWay--;
      const now = performance.now();
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (since >= measured.from && since < measured.to) latencies.push(now - since);
      if (status === 200) {
        acknowledged.add(request.firstItem / pool.items);
        if (now >= measured.from && now < measured.to) answered++;
      }
      if (loop.kind === 'closed') sendOn(connection, now);
      else {
        idle.push(connection);
        sendDue(now);
      }
    },
    ended(connection: Connection, sent: Sent | undefined) {
      open.delete(connection);
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
      if (sent === undefined || isOver) return;
      underWay--;
      connectionErrors++;
      if (loop.kind === 'closed' && isSending) setTimeout(connectAndSend, RECONNECT_AFTER_MS);
    },
  };

  function connectNew(): Connection {
    const connection = new Connection(port, events);
    open.add(connection);
    return connection;
  }

  function connectAndSend(): void {
    if (isSending) sendOn(connectNew(), performance.now());
  }

  function sendOn(connection: Connection, since: number): void {
    if (loop.kind === 'closed' && !isSending) return;
    const request = pool.take(loop.kind === 'open');
    if (request === undefined) {
      usedUp.abort();
      return;
    }
    underWay++;
    connection.send(request, since);
  }

  /** Open loop: sends what is due by now, as far as there are connections. */
  function sendDue(now: number): void {
    if (loop.kind !== 'open') return;
    const due = Math.min(Math.floor(((now - startsAt) * loop.perSecond) / 1000), scheduled);
    while (started < due) {
      const connection = idle.shift() ?? (open.size < plan.connections ? connectNew() : undefined);
      if (connection === undefined) return;
      sendOn(connection, startsAt + (started++ * 1000) / loop.perSecond);
    }
  }

  const isDone = () => underWay === 0 && started >= scheduled;

  const ticking = loop.kind === 'open' ? setInterval(() => sendDue(performance.now()), 1) : undefined;
  if (loop.kind === 'closed') for (let index = 0; index < plan.connections; index++) connectAndSend();
  const passed = (ms: number) => sleep(ms, undefined, { signal: usedUp.signal }).catch(() => undefined);
  await passed(plan.warmUpMs);
  answered = 0;
  measured.from = performance.now();
  const before = readClocks(plan);
  await passed(plan.measureMs);
  measured.to = performance.now();
  const after = readClocks(plan);
  const answeredInTime = answered;
  isSending = false;

  const deadline = performance.now() + LAST_ANSWERS_WITHIN_MS;
  while (!isDone() && performance.now() < deadline) await sleep(5);
  clearInterval(ticking);
  const unanswered = underWay + scheduled - started;
  isOver = true;
  for (const connection of [...open]) connection.end();

  const each = (end: number | undefined, begin: number | undefined) =>
    end === undefined || begin === undefined || answeredInTime === 0
      ? undefined
      : ((end - begin) * 1000) / answeredInTime;
  const seconds = (measured.to - measured.from) / 1000;
  return {
    seconds,
    answered: answeredInTime,
    statuses,
    connectionErrors,
    unanswered,
    exhausted: usedUp.signal.aborted,
    latencyMs: percentiles(latencies),
    cpuUs: {
      app: each(after.app, before.app),
      store: each(after.store, before.store),
      generator: each(after.generator, before.generator) ?? 0,
    },
    othersShare: shareOfOthers(before, after, seconds),
    acknowledged: acknowledged.pack(),
  };
}

function readClocks({ watch }: LoadPlan) {
  const { user, system } = process.cpuUsage();
  return {
    app: cpuMsOf(watch.app),
    store: watch.store && cpuMsOf(watch.store),
    generator: (user + system) / 1000,
    machine: busyMs(),
  };
}

type Clocks = ReturnType<typeof readClocks>;

function shareOfOthers(before: Clocks, after: Clocks, seconds: number): number | undefined {
  const spent = (clock: 'app' | 'store' | 'generator' | 'machine') =>
    (after[clock] ?? NaN) - (before[clock] ?? NaN);
  const others = spent('machine') - spent('app') - spent('store') - spent('generator');
  return Number.isNaN(others) ? undefined : Math.max(0, others / (seconds * 1000 * cpus().length));
}

export function percentiles(values: readonly number[]): {
  p50: number;
  p95: number;
  p99: number;
  max: number;
} {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
