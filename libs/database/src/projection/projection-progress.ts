import { type Sql } from '../transaction';
import { schemaOf } from './schema-of';
import { listProjections, type ProjectionVersion } from './list-projections';

export type PartitionProgress = {
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
};

export type ProjectionProgress = ProjectionVersion & {
  readonly partitions: readonly PartitionProgress[];
  /** Records that it could not project. */
  readonly skipped: number;
};

/** How far every version is, oldest first. */
export async function readProgress(sql: Sql): Promise<ProjectionProgress[]> {
  const progress: ProjectionProgress[] = [];
  for (const version of await listProjections(sql)) {
    const schema = schemaOf(version.version);
    const partitions = await sql<PartitionProgress>(
      `SELECT topic, partition, next_offset::float8 AS next FROM ${schema}.projection_checkpoints ORDER BY topic, partition`,
    );
    const [skipped] = await sql<{ count: string }>(`SELECT count(*) FROM ${schema}.skipped_records`);
    progress.push({ ...version, partitions, skipped: Number(skipped?.count) });
  }
  return progress;
}
