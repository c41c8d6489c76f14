import { type Logger } from '@talaria/observability';
import { type CloudApiClient } from '@talaria/whatsapp';
import { type DispatcherConfig } from '../config';
import { type Ledger } from '../ledger/ledger';
import { type Registry } from '../registry';
import { type Breakers } from './breakers';
import { type Pause } from './decide';
import { type Outlet } from './outlet';

export type AttemptDependencies = {
  readonly config: DispatcherConfig;
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly client: Pick<CloudApiClient, 'send' | 'probe'>;
  readonly outlet: Outlet;
  readonly breakers: Pick<Breakers, 'judge'>;
  readonly logger: Logger;
  /** How an account is named in the metrics. */
  readonly accountLabel: (wabaId: string) => string;
};

/** How the scheduler goes on after a job had its turn. */
export type Turn =
  /** The record is finished. */
  | { readonly kind: 'done' }
  /** The same job again, in front of its recipient. */
  | {
      readonly kind: 'again';
      readonly afterMs: number;
      /** Those behind it wait for long, and no others of its lane may have to. */
      readonly isLong?: boolean;
    }
  /** Likewise, and others rest with it. */
  | { readonly kind: 'rest'; readonly who: RestingPause; readonly afterMs: number };

/** Resolves when the call may be made, with true, or is not to be, with false. */
export type Pace = () => Promise<boolean>;

export type RestingPause = Extract<Pause, 'number' | 'account' | 'app'>;
