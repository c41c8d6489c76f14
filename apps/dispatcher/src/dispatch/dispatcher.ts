import { type KafkaRecord } from '@talaria/kafka';
import { perSecond } from '@talaria/rate-limit';
import { contextOf, inSpan } from '@talaria/observability';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { topics } from '@talaria/contracts';
import {
  createScheduler,
  enqueue,
  finish,
  pauseLane,
  setLaneLimit,
  startAgain,
  startJobs,
  sweep,
  type Scheduler,
  type Started,
} from '../lanes/scheduler';
import { attempt, type AttemptDependencies, type Turn } from './attempt';
import { type Job, recipientOf } from './job';

/** Meta: one message in 6 s to the same recipient, up to 45 at once borrowed from the future. */
const PAIR_LIMIT = { intervalMs: 6000, burst: 45 };
/** For a number that is not in the registry: its commands are refused before any call. */
const UNKNOWN_NUMBER_RATE = 80;
const AFTER_FAULT_MS = 1000;
const SWEEP_MS = 10_000;
const STOP_MS = 6000;

export type Dispatcher = {
  /** Takes a job; it is done, in its turn, when `job.done` was called. */
  add(job: Job): void;
  /** Whether more may be added. */
  isFull(): boolean;
  /** Settles when jobs may be added again. */
  room(): Promise<void>;
  /** Takes over the numbers' rates from the registry. */
  setRates(): void;
  readonly queued: number;
  readonly inFlight: number;
  /** Starts nothing more and waits for the calls under way, at most 6 s. What is left comes again. */
  stop(): Promise<void>;
};

/** Runs the scheduler against the clock: starts what may start, and tells it how each turn ended. */
export function createDispatcher(dependencies: AttemptDependencies): Dispatcher {
  const { config, registry, logger } = dependencies;
  const scheduler: Scheduler<Job> = createScheduler(PAIR_LIMIT);
  const waitingForRoom: (() => void)[] = [];
  let wakeUp: NodeJS.Timeout | undefined;
  let stopping = false;

  function pump(): void {
    clearTimeout(wakeUp);
    if (stopping) return;
    const now = Date.now();
    const { started, wakeAt } = startJobs(scheduler, now, config.DISPATCH_MAX_IN_FLIGHT - scheduler.inFlight);
    for (const one of started) void run(one);
    if (wakeAt < Infinity) wakeUp = setTimeout(pump, Math.max(1, wakeAt - now));
    if (scheduler.queued <= config.DISPATCH_MAX_QUEUED / 2) for (const go of waitingForRoom.splice(0)) go();
  }

  async function run(started: Started<Job>): Promise<void> {
    const { job } = started;
    if (job.lost.aborted) {
      finish(scheduler, started);
    } else {
      end(started, await turn(job));
    }
    pump();
  }

  async function turn(job: Job): Promise<Turn> {
    try {
      return await inSpan(`process ${job.record.topic}`, spanOptions(job), () => attempt(dependencies, job));
    } catch (error) {
      logger.error(
        { err: error, commandId: job.command.id },
        'a command could not be tried; it is tried again',
      );
      return { kind: 'again', afterMs: AFTER_FAULT_MS };
    }
  }

  function end(started: Started<Job>, turn: Turn): void {
    const now = Date.now();
    if (turn.kind === 'done') {
      finish(scheduler, started);
      started.job.done();
      return;
    }
    startAgain(scheduler, started, now + turn.afterMs);
    if (turn.kind === 'rest')
      for (const lane of lanesOf(started, turn.who)) pauseLane(scheduler, lane, now + turn.afterMs);
  }

  function lanesOf({ lane, job }: Started<Job>, who: 'number' | 'account'): string[] {
    if (who === 'number') return [lane];
    return [...scheduler.lanes.keys()].filter((id) => registry.find(id)?.wabaId === job.command.wabaId);
  }

  function setRate(phoneNumberId: string, messagesPerSecond: number): void {
    const rate = (messagesPerSecond * config.DISPATCH_RATE_PERCENT) / 100;
    // A twentieth of a second at once: what timers are late by is made up for, and no window of a second reaches the full rate.
    setLaneLimit(scheduler, phoneNumberId, perSecond(rate, Math.max(1, Math.floor(rate / 20))), Date.now());
  }

  const sweeper = setInterval(() => {
    sweep(scheduler, Date.now(), ({ lost }) => lost.aborted);
    pump();
  }, SWEEP_MS).unref();

  return {
    add(job) {
      const { phoneNumberId } = job.command;
      if (!scheduler.lanes.has(phoneNumberId)) {
        setRate(phoneNumberId, registry.find(phoneNumberId)?.messagesPerSecond ?? UNKNOWN_NUMBER_RATE);
      }
      enqueue(scheduler, phoneNumberId, recipientOf(job), job);
      setImmediate(pump);
    },
    isFull: () => stopping || scheduler.queued >= config.DISPATCH_MAX_QUEUED,
    room: () => new Promise((resolve) => waitingForRoom.push(resolve)),
    setRates() {
      for (const { phoneNumberId, messagesPerSecond } of registry.all()) {
        if (scheduler.lanes.has(phoneNumberId)) setRate(phoneNumberId, messagesPerSecond);
      }
    },
    get queued() {
      return scheduler.queued;
    },
    get inFlight() {
      return scheduler.inFlight;
    },
    async stop() {
      stopping = true;
      clearTimeout(wakeUp);
      clearInterval(sweeper);
      const deadline = Date.now() + STOP_MS;
      while (scheduler.inFlight > 0 && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

/** The publisher's trace goes on in the first attempt; a retry is a trace of its own that links to it. */
function spanOptions({ command, record }: Job) {
  const published = contextOf(record.headers);
  const publisher = trace.getSpanContext(published);
  return {
    kind: SpanKind.CONSUMER,
    parent: isRetry(record) ? ROOT_CONTEXT : published,
    links: publisher === undefined ? [] : [{ context: publisher }],
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.destination.name': record.topic,
      'messaging.destination.partition.id': String(record.partition),
      'messaging.kafka.offset': record.offset,
      'messaging.message.conversation_id': command.id,
    },
  };
}

const isRetry = ({ topic }: KafkaRecord) => topic !== topics.outbound.name;
