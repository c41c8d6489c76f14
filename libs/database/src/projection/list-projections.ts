import { type Sql } from '../transaction';
import { type ProjectionState } from './create-projection';

export type ProjectionVersion = {
  readonly version: number;
  readonly shape: number;
  readonly state: ProjectionState;
  /** When it last became the live one; null for one that never was, and for the first. */
  readonly promotedAt: Date | null;
};

/** Every version of the read model, oldest first. */
export function listProjections(sql: Sql): Promise<ProjectionVersion[]> {
  return sql<ProjectionVersion>(
    'SELECT version, shape, state, promoted_at AS "promotedAt" FROM public.projections ORDER BY version',
  );
}
