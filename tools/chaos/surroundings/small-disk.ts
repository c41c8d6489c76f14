import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk of a few MiB, that can be full. */
export type SmallDisk = {
  readonly folder: string;
  /** Leaves no room. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
  /** May be called while files are open on it, and again. */
  unmount(): void;
};

/** Takes root; see {@link smallDiskProblem}. */
export function mountSmallDisk(mebibytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'talaria-small-disk-'));
  const filler = join(folder, 'filler');
  let isMounted = true;
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'pipe' });
  return {
    folder,
    fill() {
      mkdirSync(filler, { recursive: true });
      for (const bytes of [65_536, 1]) {
        try {
          for (;;) appendFileSync(join(filler, 'bytes'), Buffer.alloc(bytes));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
    },
    free: () => rmSync(filler, { recursive: true, force: true }),
    unmount() {
      if (!isMounted) return;
      isMounted = false;
      execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' });
      rmSync(folder, { recursive: true });
    },
  };
}

/** Why no small disk can be made here: it takes root, and a container may forbid it even then. */
export function smallDiskProblem(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may mount a small disk';
  try {
    mountSmallDisk(1).unmount();
    return undefined;
  } catch (error) {
    return `no small disk can be mounted: ${(error as Error).message.trim()}`;
  }
}
