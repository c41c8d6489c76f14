import { type Sql } from '@talaria/database';
import { type AttemptStory, type CommandStory, type LetterStory } from './story';

/** The command's row in the ledger. */
export type LedgerRow = {
  readonly phoneNumberId: string;
  readonly state: string;
  readonly attempts: number;
  readonly claimedAt: Date;
  readonly settledAt: Date | null;
  readonly unknownSince: Date | null;
  readonly wamid: string | null;
  readonly source: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly outcome: {
    readonly cause?: string;
    readonly at?: string;
    readonly pause?: string;
    readonly nextAttemptAt?: string;
    readonly error?: { readonly code?: number; readonly class: string; readonly message: string };
  } | null;
};

export type ParkedRow = {
  readonly phoneNumberId: string;
  readonly partition: number;
  readonly priority: number;
  readonly position: string;
  readonly id: string;
  readonly parkedAt: Date;
  readonly campaignId: string | null;
} & StoredRecord;

/** A command's record, as the database has it. */
export type StoredRecord = {
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly source: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly timestamp?: number;
  };
};

type ToldRow = Omit<CommandStory, 'asked' | 'errorMessage'>;
export type LetterRow = Omit<LetterStory, 'id'> & StoredRecord & { readonly id: string };

export type CommandParts = {
  /** What the read model was told. */
  readonly told: ToldRow | undefined;
  readonly ledger: LedgerRow | undefined;
  readonly parked: ParkedRow | undefined;
  readonly attempts: readonly AttemptStory[];
  readonly letters: readonly LetterRow[];
};

export const noParts: CommandParts = {
  told: undefined,
  ledger: undefined,
  parked: undefined,
  attempts: [],
  letters: [],
};

/** What each of the tables has of a command. */
export async function readCommandParts(sql: Sql, wabaId: string, commandId: string): Promise<CommandParts> {
  const key = [commandId, wabaId];
  const [told] = await sql<ToldRow>(
    `SELECT state, state_at AS "stateAt", attempts, recipient, cause, error_code AS "errorCode", error_class AS "errorClass",
            campaign_id AS "campaignId", correlation_id AS "correlationId"
     FROM commands WHERE command_id = $1 AND waba_id = $2`,
    key,
  );
  const [ledger] = await sql<LedgerRow>(
    `SELECT phone_number_id AS "phoneNumberId", state, attempts, claimed_at AS "claimedAt", settled_at AS "settledAt",
            unknown_since AS "unknownSince", wamid, outcome,
            json_build_object('topic', source_topic, 'partition', source_partition, 'offset', source_offset) AS source
     FROM dispatch_commands WHERE command_id = $1 AND waba_id = $2`,
    key,
  );
  const [parked] = await sql<ParkedRow>(
    `SELECT phone_number_id AS "phoneNumberId", partition, priority, position, id, parked_at AS "parkedAt", campaign_id AS "campaignId",
            value, headers, json_build_object('topic', source_topic, 'partition', partition, 'offset', source_offset,
                                              'timestamp', source_timestamp) AS source
     FROM dispatch_backlog WHERE command_id = $1 AND waba_id = $2 ORDER BY id DESC LIMIT 1`,
    key,
  );
  const attempts = await sql<AttemptStory>(
    `SELECT version, attempt, state, started_at AS "startedAt", told_at AS "toldAt", wamid, cause, error_code AS "errorCode",
            error_class AS "errorClass", error_message AS "errorMessage", fbtrace_id AS "fbtraceId", trace_id AS "traceId"
     FROM dispatch_attempts WHERE command_id = $1 AND waba_id = $2 ORDER BY version, told_at`,
    key,
  );
  const letters = await sql<LetterRow>(
    `SELECT l.id, l.topic, l.dead_at AS at, l.state, l.cause, l.code, l.attempts, l.message, l.value, l.headers,
            json_build_object('topic', coalesce(l.origin_topic, l.topic), 'partition', l.origin_partition, 'offset', l.origin_offset) AS source,
            (SELECT json_build_object('id', r.id, 'by', r.begun_by, 'at', r.begun_at, 'reason', r.reason) FROM redrives r WHERE r.id = l.redrive) AS redrive,
            (SELECT json_build_object('id', c.id, 'by', c.discarded_by, 'at', c.discarded_at, 'reason', c.reason) FROM discards c WHERE c.id = l.discard) AS discard
     FROM dead_letters l WHERE l.command_id = $1 AND l.waba_id = $2 ORDER BY l.dead_at, l.id`,
    key,
  );
  return { told, ledger, parked, attempts, letters };
}
