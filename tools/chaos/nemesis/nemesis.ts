import { setTimeout as sleep } from 'node:timers/promises';
import { restoreCluster } from '../surroundings/restore-cluster';
import { deedOf } from './deeds';
import { CALM_MS, type Step } from './plan';
import { type Victims } from './victims';

/** One thing that went wrong, from when it began until nobody did anything about it any more. Milliseconds since 1970. */
export type Fault = { readonly step: Step; readonly from: number; readonly until: number };

export type Nemesis = {
  readonly faults: readonly Fault[];
  /** What could not be done, or be made to run again, and why. */
  readonly failures: readonly string[];
  /** Resolves when the last is over and all are mended, as far as they could be. */
  readonly ended: Promise<void>;
};

/** To mend something may take a while; longer than this it is told. */
const SLOW_MS = 10_000;

/** Lets go wrong what is planned. A track that is late, because something took long to come back, leaves out what would begin in the calm. */
export function startNemesis(
  tracks: readonly (readonly Step[])[],
  startedAt: number,
  seconds: number,
  victims: Victims,
): Nemesis {
  const faults: Fault[] = [];
  const failures: string[] = [];
  const noting = (what: string, work: Promise<void>) =>
    work.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      failures.push(`${what}: ${why}`);
      victims.say(`${what} failed: ${why}`);
    });
  const calmAt = startedAt + seconds * 1000 - CALM_MS;
  const run = async (track: readonly Step[]) => {
    for (const step of track) {
      await sleep(Math.max(0, startedAt + step.at - Date.now()));
      if (Date.now() > calmAt) return;
      victims.say(`${((Date.now() - startedAt) / 1000).toFixed(1)} s: ${titleOf(step)}`);
      const from = Date.now();
      await noting(titleOf(step), deedOf(step, victims));
      const until = Date.now();
      faults.push({ step, from, until });
      if (until - from > step.ms + SLOW_MS) victims.say(`${step.kind} took ${until - from} ms`);
    }
  };
  const ended = Promise.all(tracks.map(run)).then(() =>
    noting('the cluster is whole again', restoreCluster(victims.stack)),
  );
  return { faults, failures, ended };
}

function titleOf({ at: _, kind, ms, ...rest }: Step): string {
  const details = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
  return `${kind}${details}${ms > 0 ? ` for ${ms} ms` : ''}`;
}
