import { type DataSource } from 'typeorm';
import { type Pool } from 'pg';
import { showConnections } from './database.metrics';

/** Not kept alive by this: versions of the read model come and go with connections of their own. */
const sources = new Set<WeakRef<DataSource>>();

showConnections(() => {
  const pools = [...sources].flatMap((source) => poolOf(source) ?? []);
  const sum = (of: (pool: Pool) => number) => pools.reduce((all, pool) => all + of(pool), 0);
  return [
    [{ state: 'total' }, sum(({ totalCount }) => totalCount)],
    [{ state: 'idle' }, sum(({ idleCount }) => idleCount)],
    [{ state: 'waiting' }, sum(({ waitingCount }) => waitingCount)],
  ];
});

/** Shows its connections in the metrics, while it is connected. */
export function showPool(dataSource: DataSource): void {
  sources.add(new WeakRef(dataSource));
}

function poolOf(source: WeakRef<DataSource>): Pool | undefined {
  const dataSource = source.deref();
  if (dataSource === undefined) sources.delete(source);
  return dataSource?.isInitialized === true
    ? (dataSource.driver as unknown as { master: Pool }).master
    : undefined;
}
