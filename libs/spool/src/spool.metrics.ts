import { counter, gauge } from '@talaria/observability';
import { type Spool } from './spool';

export const spooledItems = counter(
  'talaria_spool_items_total',
  'Items written to the spool, because Kafka did not take them; drained: written to Kafka from it',
  { event: ['spooled', 'drained', 'refused'] },
);

export const spoolDamage = counter(
  'talaria_spool_damaged_bytes_total',
  'Bytes of the spool that were no whole entry, and were set aside',
  {},
);

export const spoolFailures = counter(
  'talaria_spool_failures_total',
  'Items that the spool did not take: it was full, or the disk was slow or refused',
  { reason: ['full', 'slow', 'disk', 'closed'] },
);

const showBytes = gauge('talaria_spool_bytes', 'Bytes that wait in the spool for Kafka');
const showOldest = gauge(
  'talaria_spool_oldest_seconds',
  'Age of the oldest segment in the spool; 0 when it is empty',
);

export function watchSpool(spool: Spool): void {
  showBytes(() => spool.bytes);
  showOldest(() => (spool.oldestAt === undefined ? 0 : Math.max(0, (Date.now() - spool.oldestAt) / 1000)));
}
