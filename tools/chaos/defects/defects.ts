import { join } from 'node:path';
import { type Workload } from '../../platform/platform';
import { repositoryRoot } from '../../stack/repository';

/** What a platform may be wrong in, by which app. A checker that does not find these proves nothing. */
export const defects = {
  /** Webhooks are answered 200 as soon as they are read. */
  'ack-before-write': 'ingestion',
  /** Dispatchers remember nothing of what they have sent. */
  'no-ledger': 'dispatcher',
  /** Dispatchers go on with what they own, whoever else may own it by now. */
  'no-fencing': 'dispatcher',
  /** Dispatchers know nothing of what a number may send in a second. */
  'no-limits': 'dispatcher',
} as const satisfies Record<string, Workload>;

export type Defect = keyof typeof defects;
export const defectNames = Object.keys(defects) as Defect[];

/** What a process of this app needs among its NODE_OPTIONS to have the defect. */
export function defectSettings(defect: Defect, app: Workload): string {
  return defects[defect] === app
    ? `--require ${join(repositoryRoot(), `dist/tools/chaos/defects/${defect}.js`)}`
    : '';
}
