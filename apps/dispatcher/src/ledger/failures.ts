import { type Sql } from '@talaria/database';
import { type LedgerRow, type Outcome, type Source } from './ledger';
import { failures as failing, pairsOf } from './transitions';

type CommandId = { readonly wabaId: string; readonly commandId: string };

/** A row as it was seen; what is recorded depends on that it is still so. */
export type SeenRow = CommandId &
  Pick<LedgerRow, 'state' | 'version' | 'attempts' | 'claimedMsAgo' | 'outcome'> & {
    /** The record that led to the attempt. */
    readonly source: Source;
    readonly fingerprint: Buffer;
  };

/**
 * What the ledger is asked and told of messages that failed after Meta had taken them. They are few: each has its own statements.
 */
export type FailureLedger = {
  find(command: CommandId): Promise<SeenRow | undefined>;
  /**
   * accepted, unknown or claimed → retrying, failed or dead-lettered, told by the next version.
   * @returns that version, or undefined when the row is not as it was seen any more
   */
  fail(row: SeenRow, outcome: Outcome): Promise<number | undefined>;
  /** Whether the customer has got the message, as far as statuses tell. */
  wasDelivered(message: { readonly phoneNumberId: string; readonly wamid: string }): Promise<boolean>;
};

export function createFailureLedger(sql: Sql): FailureLedger {
  return {
    async find({ wabaId, commandId }) {
      const [row] = await sql<Omit<SeenRow, keyof CommandId>>(
        `SELECT state, version, attempts, outcome, fingerprint,
                (extract(epoch FROM now() - claimed_at) * 1000)::float8 AS "claimedMsAgo",
                json_build_object('topic', source_topic, 'partition', source_partition, 'offset', source_offset) AS source
         FROM dispatch_commands WHERE waba_id = $1 AND command_id = $2`,
        [wabaId, commandId],
      );
      return row === undefined ? undefined : { wabaId, commandId, ...row };
    },
    async fail({ wabaId, commandId, state, version, attempts }, outcome) {
      const [row] = await sql<{ version: number }>(
        `UPDATE dispatch_commands
         SET state = $6, version = version + 1, settled_at = now(), wamid = $7, outcome = $8, unknown_since = NULL
         WHERE waba_id = $1 AND command_id = $2 AND state = $3 AND version = $4 AND attempts = $5 AND (state, $6) IN (${pairsOf(failing)})
         RETURNING version`,
        [
          ...[wabaId, commandId, state, version, attempts],
          ...[outcome.state, outcome.wamid ?? null, JSON.stringify(outcome)],
        ],
      );
      return row?.version;
    },
    async wasDelivered({ phoneNumberId, wamid }) {
      const [found] = await sql<{ delivered: boolean }>(
        `SELECT EXISTS (SELECT FROM message_statuses
                        WHERE wamid = $1 AND phone_number_id = $2 AND status IN ('delivered', 'read', 'played')) AS delivered`,
        [wamid, phoneNumberId],
      );
      return found?.delivered === true;
    },
  };
}
