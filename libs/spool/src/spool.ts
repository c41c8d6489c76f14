import { existsSync } from 'node:fs';
import { type FileHandle, open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type Logger } from '@talaria/observability';
import { isInSight, lock, LockedError, STALE_AFTER_MS } from '@talaria/process-lock';
import { framedBytes, frameHeader, MAX_PAYLOAD_BYTES } from './frames';
import {
  begunAt,
  listSegments,
  makeDirectory,
  nextSegmentName,
  readSegment,
  type ReadSegment,
  removeSegment,
  type Segment,
  setAsideSegment,
  syncDirectory,
  unlessGone,
} from './segment-files';

/** full: no room left by its own limit · slow: the disk did not take it in time · disk: the disk refused it · closed: it came too late. */
export class NotSpooledError extends Error {
  constructor(
    readonly reason: 'full' | 'slow' | 'disk' | 'closed',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'NotSpooledError';
  }
}

export type SpoolOptions = {
  readonly directory: string;
  /** The most bytes that it may take on the disk. */
  readonly maxBytes: number;
  readonly logger: Logger;
  /** Another process has taken the folder, because this one was away for too long. */
  readonly onLost: (error: Error) => void;
};

type Entry = {
  readonly payload: Buffer;
  readonly queuedAt: number;
  /** The caller has its answer. */
  answered: boolean;
  readonly resolve: () => void;
  readonly reject: (error: NotSpooledError) => void;
};
/** Asks for a new segment behind everything that was appended before. */
type Seal = { readonly sealed: () => void };
type Active = { readonly name: string; readonly handle: FileHandle; bytes: number };

/** A segment is removed when all of it is in Kafka: as much may come twice after a crash in the middle of it. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
const GROUP_BYTES = 4 * 1024 * 1024;
/** What may wait for the disk in memory. */
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;
const WRITE_WITHIN_MS = 2000;
const SWEEP_MS = 50;
const RESERVE_BYTES = 64 * 1024;

/**
 * Webhooks on disk while Kafka does not take them. Entries are kept in the order of the calls, in files that are only appended to.
 * "Appended" is said after fdatasync; what waits is written and synced as one group, so that its price is shared. One process at a time holds a folder.
 */
export class Spool {
  private queue: (Entry | Seal)[] = [];
  private queuedBytes = 0;
  /** What is being written. */
  private group: readonly Entry[] = [];
  private sealed: Segment[] = [];
  private sealedBytes = 0;
  private active: Active | undefined;
  private isWriting = false;
  private last: string | undefined;
  private closed = false;
  private readonly sweep = setInterval(() => this.giveUpLate(performance.now()), SWEEP_MS).unref();

  private constructor(
    private readonly options: SpoolOptions,
    private readonly release: () => void,
  ) {}

  /**
   * Makes the folder and takes it for this process. What an earlier one left there comes first.
   * @throws when a living process has it, or it cannot be written
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory } = options;
    await makeDirectory(directory);
    const spool = new Spool(options, await takeLock(options));
    await keepReserve(directory);
    for (const segment of await listSegments(directory)) {
      spool.last = segment.name;
      if (segment.bytes > 0) spool.addSealed(segment);
      else await removeSegment(directory, segment.name);
    }
    return spool;
  }

  /** Bytes on the disk and on their way to it. */
  get bytes(): number {
    return this.sealedBytes + (this.active?.bytes ?? 0) + this.queuedBytes;
  }

  /** When the oldest entry was appended, in milliseconds since 1970; undefined when there is none. */
  get oldestAt(): number | undefined {
    const name = this.sealed[0]?.name ?? this.active?.name;
    return name === undefined ? undefined : begunAt(name);
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  /**
   * Resolves when the payload is on the disk, to survive a power loss.
   * @throws {NotSpooledError} within about two seconds. It may be on the disk all the same.
   */
  append(payload: Buffer): Promise<void> {
    const bytes = framedBytes(payload);
    if (this.closed) return Promise.reject(new NotSpooledError('closed', 'the spool is closed'));
    if (payload.length > MAX_PAYLOAD_BYTES) {
      return Promise.reject(new NotSpooledError('full', 'an entry is larger than one may be'));
    }
    if (this.bytes + bytes > this.options.maxBytes || this.queuedBytes + bytes > MAX_QUEUED_BYTES) {
      return Promise.reject(new NotSpooledError('full', `the spool holds ${this.bytes} bytes already`));
    }
    this.queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      this.enqueue({ payload, queuedAt: performance.now(), answered: false, resolve, reject });
    });
  }

  /** Ends the segment that is being appended to, behind everything that was appended before the call. */
  seal(): Promise<void> {
    return new Promise((sealed) => this.enqueue({ sealed }));
  }

  /** What is not appended to any more, oldest first. */
  get segments(): readonly Segment[] {
    return this.sealed;
  }

  /** Its entries, and what is damaged in it. */
  async read({ name }: Segment): Promise<ReadSegment> {
    return readSegment(this.options.directory, name);
  }

  /** To be called when all of it is where it belongs. */
  async remove(segment: Segment): Promise<void> {
    this.forget(segment);
    await removeSegment(this.options.directory, segment.name);
    await keepReserve(this.options.directory);
  }

  /** Like {@link remove}, for a segment with damage: the file is kept under another name. */
  async setAside(segment: Segment): Promise<void> {
    this.forget(segment);
    await setAsideSegment(this.options.directory, segment.name);
  }

  /** Writes what waits, and lets go of the folder. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.seal();
    clearInterval(this.sweep);
    this.release();
  }

  private addSealed(segment: Segment): void {
    this.sealed.push(segment);
    this.sealedBytes += segment.bytes;
  }

  private forget(segment: Segment): void {
    this.sealed = this.sealed.filter((one) => one !== segment);
    this.sealedBytes -= segment.bytes;
  }

  private enqueue(one: Entry | Seal): void {
    this.queue.push(one);
    if (this.isWriting) return;
    this.isWriting = true;
    void this.write();
  }

  /** Never throws. */
  private async write(): Promise<void> {
    // Lets appends of the same turn of the event loop share one sync.
    await nextTurn();
    for (let [first] = this.queue; first !== undefined; [first] = this.queue) {
      if ('sealed' in first) {
        this.queue.shift();
        await this.endActive().catch(() => undefined);
        first.sealed();
      } else {
        this.group = this.takeGroup();
        await this.writeGroup(this.group);
        this.group = [];
      }
    }
    // In the same turn as the look into the queue: whoever was just answered may append again.
    this.isWriting = false;
  }

  private takeGroup(): Entry[] {
    const group: Entry[] = [];
    let bytes = 0;
    for (const one of this.queue) {
      if ('sealed' in one || bytes >= GROUP_BYTES) break;
      group.push(one);
      bytes += framedBytes(one.payload);
    }
    this.queue = this.queue.slice(group.length);
    return group;
  }

  private async writeGroup(group: readonly Entry[]): Promise<void> {
    const bytes = Buffer.concat(group.flatMap(({ payload }) => [frameHeader(payload), payload]));
    let failure: NotSpooledError | undefined;
    try {
      const active = (this.active ??= await this.begin());
      const { bytesWritten } = await active.handle.write(bytes);
      if (bytesWritten < bytes.length) throw new Error('the disk took only a part: it is full');
      await active.handle.datasync();
      active.bytes += bytes.length;
      if (active.bytes >= SEGMENT_BYTES) await this.endActive();
    } catch (cause) {
      failure = new NotSpooledError('disk', `the spool cannot be written (${codeOf(cause)})`, { cause });
      await this.abandonActive();
    }
    this.queuedBytes -= bytes.length;
    for (const entry of group) answer(entry, failure);
  }

  private async begin(): Promise<Active> {
    const name = nextSegmentName(Date.now(), this.last);
    const handle = await open(join(this.options.directory, name), 'ax', 0o600);
    this.last = name;
    const active = { name, handle, bytes: 0 };
    this.active = active;
    await syncDirectory(this.options.directory);
    await keepReserve(this.options.directory);
    return active;
  }

  private async endActive(): Promise<void> {
    const { active } = this;
    this.active = undefined;
    if (active === undefined) return;
    if (active.bytes > 0) this.addSealed({ name: active.name, bytes: active.bytes });
    else await removeSegment(this.options.directory, active.name);
    await active.handle.close();
  }

  /** After a failed write or sync nobody knows what is on the disk behind the last group: nothing more is appended there. */
  private async abandonActive(): Promise<void> {
    await this.active?.handle.truncate(this.active.bytes).catch(() => undefined);
    await this.endActive().catch(() => undefined);
  }

  private giveUpLate(now: number): void {
    for (const waiting of [this.group, this.queue]) {
      for (const one of waiting) {
        if ('sealed' in one) continue;
        if (now - one.queuedAt < WRITE_WITHIN_MS) return;
        answer(one, new NotSpooledError('slow', `the disk did not take it within ${WRITE_WITHIN_MS} ms`));
      }
    }
  }
}

/** Every caller hears once. */
function answer(entry: Entry, failure?: NotSpooledError): void {
  if (entry.answered) return;
  entry.answered = true;
  if (failure === undefined) entry.resolve();
  else entry.reject(failure);
}

/**
 * A full disk must not keep the next process from starting: it could not take its lock, and what would empty the disk is in the spool. So a little
 * room is held, and given up for the lock. One that is whole is not touched: written anew, it might not be whole again.
 */
async function keepReserve(directory: string): Promise<void> {
  const file = reserveIn(directory);
  try {
    const held = await unlessGone(stat(file));
    if (held?.size !== RESERVE_BYTES) await writeFile(file, Buffer.alloc(RESERVE_BYTES), { mode: 0o600 });
  } catch {
    // No room: tried again when a segment is begun or removed.
  }
}

const reserveIn = (directory: string) => join(directory, 'reserve');

/** The lock of a process that cannot be seen from here is waited for: if that one is dead, it grows stale. */
async function takeLock({ directory, logger, onLost }: SpoolOptions): Promise<() => void> {
  const file = join(directory, 'spool.lock');
  const lost = () => onLost(new Error(`another process has taken the spool ${directory}`));
  const deadline = Date.now() + STALE_AFTER_MS + 1000;
  for (;;) {
    try {
      return await lock(file, lost);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC' && existsSync(reserveIn(directory))) {
        await rm(reserveIn(directory));
        continue;
      }
      const isWorthWaiting = error instanceof LockedError && !isInSight(error.owner) && Date.now() < deadline;
      if (!isWorthWaiting) throw error;
      logger.warn({ host: error.owner.host }, 'waiting for the spool: it may belong to a process that lives');
    }
    await sleep(1000);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}
