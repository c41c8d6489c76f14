import { type Sql } from '@talaria/database';
import { type MessageName } from './find-messages';

/** Where a message was looked for that is not there, and why it may not be there yet or any more; for a person. */
export async function explainMissing(sql: Sql, name: MessageName): Promise<string> {
  const [row] = await sql<{ keptFrom: string }>(
    'SELECT kept_from::text AS "keptFrom" FROM projection_retention',
  );
  const kept =
    row === undefined || row.keptFrom <= '0001-01-01' ? [] : [`months before ${row.keptFrom} are let go`];
  if ('id' in name)
    return [
      `nothing is known of ${name.id}: it is neither in the read model nor in the ledger, the backlog or the dead letters.`,
      'Perhaps',
      [
        'the id is another',
        'it was never published',
        'it waits in whatsapp.outbound for the dispatcher',
        'the processor has not come to it (talaria projections status tells how far it is)',
        ...kept,
      ].join('; '),
    ].join(' ');
  return [
    'nothing was exchanged with that phone then, as far as the read model knows.',
    'What Meta never took is found by its command id, or by talaria dead-letters list;',
    [
      'a wider --within may help',
      'the processor may not have come to it (talaria projections status)',
      ...kept,
    ].join('; '),
  ].join(' ');
}
