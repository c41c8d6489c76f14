import { type AppProcess } from '../../platform/app-process';
import { type Platform } from '../../platform/platform';
import { type NewNumber } from '../../platform/register';
import { type OwnStack } from '../../setup/own-stack';
import { type Clocks } from '../surroundings/clocks';
import { type Link } from '../surroundings/link';
import { type apps, type ProcessName } from '../processes';
import { type SmallDisk } from '../surroundings/small-disk';

/** What the nemesis hurts. */
export type Victims = {
  readonly platform: Platform;
  readonly processes: Readonly<Record<ProcessName, AppProcess>>;
  /** Starts one more, which is among `thirds` until it is taken out. */
  readonly addThird: (app: (typeof apps)[number]) => Promise<AppProcess>;
  readonly thirds: Set<AppProcess>;
  readonly stack: OwnStack;
  /** The way from one part to another. */
  readonly linkBetween: (from: string, to: string) => Link;
  readonly clocks: Clocks;
  /** Of the spools; undefined where none can be mounted. */
  readonly disks: ReadonlyMap<string, SmallDisk> | undefined;
  /** As Meta's stand-in knows each now. */
  readonly numbers: Map<string, NewNumber>;
  /** The app secret that webhooks are signed with. */
  readonly secret: { current: string };
  /** Runs a verb of `talaria` as an operator does. @param input to its standard input */
  readonly talaria: (args: readonly string[], input?: string) => Promise<void>;
  readonly say: (line: string) => void;
};
