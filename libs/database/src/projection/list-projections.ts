import { type Sql } from '../transaction';
import { type ProjectionState } from './create-projection';

export type ProjectionVersion = {
  readonly version: number;
  readonly shape: number;
  readonly state: ProjectionState;
  /** When it last became the live one; null for one that never was, and for the first. */
  readonly promotedAt: Date | null;
};

/** A version of the read model was named that is not there. */
export class MissingVersionError extends Error {
  constructor(version: number) {
    super(
      `there is no version ${version} of the read model: talaria projections status shows those there are`,
    );
  }
}

/** Every version of the read model, oldest first. */
export function listProjections(sql: Sql): Promise<ProjectionVersion[]> {
  return sql<ProjectionVersion>(
    'SELECT version, shape, state, promoted_at AS "promotedAt" FROM public.projections ORDER BY version',
  );
}
