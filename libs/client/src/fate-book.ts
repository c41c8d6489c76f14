import { NoFateError } from './errors';
import { type CommandRef, type Fate } from './fate';

type Waiting = { readonly tell: (fate: Fate) => void; readonly giveUp: (why: string) => void };

/** Brings together fates and those who wait for them, whichever comes first. */
export class FateBook {
  /** The one that came first is forgotten first. */
  private readonly fates = new Map<string, Fate>();
  private readonly waiting = new Map<string, Set<Waiting>>();
  private end: string | undefined;

  /** @param remembered how many fates are kept for those who ask later */
  constructor(private readonly remembered = 10_000) {}

  /** Told twice, it is the same; a later one of the same command replaces it. */
  tell(fate: Fate): void {
    const key = keyOf({ wabaId: fate.wabaId, id: fate.commandId });
    if ((this.fates.get(key)?.version ?? 0) < fate.version) {
      this.fates.delete(key);
      this.fates.set(key, fate);
      for (const oldest of this.fates.keys()) {
        if (this.fates.size <= this.remembered) break;
        this.fates.delete(oldest);
      }
    }
    for (const one of this.waiting.get(key) ?? []) one.tell(fate);
  }

  /** @throws {NoFateError} when none comes in time, or before the signal, or the book is closed */
  async fateOf(command: CommandRef, timeoutMs: number, signal?: AbortSignal): Promise<Fate> {
    const known = this.fates.get(keyOf(command));
    if (known !== undefined) return known;
    if (this.end !== undefined) throw new NoFateError(command, this.end);
    return this.next(command, timeoutMs, signal);
  }

  /** Nobody hears of anything any more. */
  close(why: string): void {
    this.end = why;
    for (const all of this.waiting.values()) for (const one of all) one.giveUp(why);
  }

  private async next(command: CommandRef, timeoutMs: number, signal?: AbortSignal): Promise<Fate> {
    const key = keyOf(command);
    const others = this.waiting.get(key) ?? new Set();
    this.waiting.set(key, others);
    let waiting: Waiting | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Fate>((resolve, reject) => {
        const giveUp = (why: string) => reject(new NoFateError(command, why));
        others.add((waiting = { tell: resolve, giveUp }));
        timer = setTimeout(() => giveUp(`none came within ${timeoutMs} ms`), timeoutMs);
        signal?.addEventListener('abort', () => giveUp('it was not published'), { once: true });
      });
    } finally {
      clearTimeout(timer);
      if (waiting !== undefined) others.delete(waiting);
      if (others.size === 0) this.waiting.delete(key);
    }
  }
}

function keyOf({ wabaId, id }: CommandRef): string {
  return `${wabaId}/${id}`;
}
