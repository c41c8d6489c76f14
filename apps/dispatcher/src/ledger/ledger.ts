import { type Redriven } from '@talaria/contracts';
import { arrayOf, type Sql } from '@talaria/database';
import { groupCommit } from './group-commit';
import { pairsOf, settlements as settling, type State, transitions } from './transitions';

/** A command and the record that asks for it. */
export type Claim = {
  readonly wabaId: string;
  readonly commandId: string;
  readonly phoneNumberId: string;
  /** Of the command's contents. */
  readonly fingerprint: Buffer;
  readonly source: Source;
  /** The re-drive that the record says it comes of; it counts when the table of dead letters says so too. */
  readonly redriven?: Redriven | undefined;
};

export type Source = { readonly topic: string; readonly partition: number; readonly offset: number };

/** The outcome that is told in an event, kept to tell it again after a crash. */
export type Outcome = {
  readonly state: Exclude<State, 'claimed'>;
  readonly at: string;
  /** When the call began that led to it, if one was made. */
  readonly startedAt?: string;
  /** Of the attempt, when it is recorded. */
  readonly traceId?: string;
  readonly wamid?: string;
  readonly waId?: string;
  readonly cause?: string;
  /** What is to be tried again is not claimed before, whoever asks. */
  readonly nextAttemptAt?: string;
  /** Who rests until then, when it was throttled: it waits in its lane. */
  readonly pause?: string;
  readonly error?: {
    readonly code?: number;
    readonly class: string;
    readonly message: string;
    /** Meta's own id of the failed call. */
    readonly fbtraceId?: string;
  };
};

export type LedgerRow = {
  readonly state: State;
  readonly version: number;
  readonly attempts: number;
  /** Of these, those that were spent before it was re-driven. */
  readonly attemptsBefore: number;
  /** Who claimed it last, and whether that is this process. */
  readonly owner: string;
  readonly isMine: boolean;
  /** Both by the database's clock, the only one that all dispatchers share: theirs may be set while they wait. */
  readonly claimedMsAgo: number;
  readonly unknownMsAgo: number | null;
  readonly source: Source;
  readonly outcome: Outcome | null;
};

type FoundRow = { readonly row: LedgerRow; readonly isSameCommand: boolean };

export type Claimed =
  /** This attempt is ours to make; so many were spent before it was re-driven. */
  | { readonly kind: 'claimed'; readonly attempt: number; readonly attemptsBefore: number }
  /** Another row of the same statement has the same command. */
  | { readonly kind: 'busy' }
  /** It is not to be tried: the row says why. */
  | { readonly kind: 'taken'; readonly row: LedgerRow }
  /** The id belongs to a command with other contents, which was tried before. */
  | { readonly kind: 'conflict' };

export type Settlement = {
  readonly wabaId: string;
  readonly commandId: string;
  /** The claim that this is about; a row that is at another one is left alone. Without an owner: our own. */
  readonly claimedAttempt: number;
  readonly owner?: string;
  /** The record that leads to what follows; when it comes again, the outcome is told again. */
  readonly source: Source;
  /** Attempts spent so far: throttling spends none. */
  readonly attempts: number;
  readonly outcome: Outcome;
  /** Whether this is told in an event, and so counts as a version. */
  readonly isTold: boolean;
};

/** The record of what was tried, in Postgres. Every statement serves all commands that wait for one. */
export type Ledger = {
  /**
   * Claims the next attempt of a command, before anything is sent. Only one claim of an attempt ever succeeds. One that was dead-lettered
   * can be claimed once for each re-drive of a dead letter of its own, and with other contents only if that re-drive corrects them.
   */
  claim(claim: Claim): Promise<Claimed>;
  /**
   * Records how an attempt ended; the same again changes nothing and answers the same, so it can be repeated when its answer was lost.
   * @returns the version to tell, or undefined when the row had moved on without us
   */
  settle(settlement: Settlement): Promise<number | undefined>;
  /**
   * Gives a claim of ours back whose answer was lost, and which nobody goes on with: nothing was sent. Changes nothing when there is none. Not to be
   * called while a turn of the command is under way.
   */
  release(command: Pick<Claim, 'wabaId' | 'commandId'>): Promise<void>;
  /** Lets a command be claimed again whose outcome stayed unknown after so many attempts: it will be sent once more, knowingly. */
  allowResend(command: Pick<Claim, 'wabaId' | 'commandId'>, attempts: number): Promise<void>;
  /**
   * The wamid that a status webhook brought for this command; undefined when none came.
   * @param failuresAfter of a message that has failed it counts only if a later attempt than this had sent it
   */
  findByStatus(
    command: Pick<Claim, 'wabaId' | 'commandId'>,
    failuresAfter: number,
  ): Promise<string | undefined>;
  /** The wamid of a message of this command that the customer has got, whatever else was told of it; undefined when none is known. */
  findDelivered(command: Pick<Claim, 'wabaId' | 'commandId'>): Promise<string | undefined>;
};

/** @param owner tells this process from those before and beside it */
export function createLedger(sql: Sql, owner: string): Ledger {
  return {
    claim: groupCommit((claims: readonly Claim[]) => claimAll(sql, owner, claims)),
    settle: groupCommit((settlements: readonly Settlement[]) => settleAll(sql, owner, settlements)),
    async release({ wabaId, commandId }) {
      const outcome = { state: transitions.postpone.to, at: new Date().toISOString() };
      await sql(
        `UPDATE dispatch_commands SET state = $4, attempts = attempts - 1, settled_at = now(), outcome = $6
         WHERE waba_id = $1 AND command_id = $2 AND state = $3 AND owner = $5`,
        [wabaId, commandId, transitions.postpone.from, outcome.state, owner, JSON.stringify(outcome)],
      );
    },
    async allowResend({ wabaId, commandId }, attempts) {
      await sql(
        `UPDATE dispatch_commands SET state = $5, unknown_since = NULL
         WHERE waba_id = $1 AND command_id = $2 AND state = $4 AND attempts = $3`,
        [wabaId, commandId, attempts, transitions.resend.from, transitions.resend.to],
      );
    },
    async findByStatus({ wabaId, commandId }, failuresAfter) {
      const [found] = await sql<{ wamid: string }>(
        `SELECT wamid FROM messages AS m JOIN message_statuses AS s USING (wamid, phone_number_id, month)
         WHERE m.command_id = $2 AND m.waba_id = $1 AND s.command_id = $2 AND (m.status <> 'failed' OR s.attempt > $3)
         ORDER BY s.attempt DESC LIMIT 1`,
        [wabaId, commandId, failuresAfter],
      );
      return found?.wamid;
    },
    async findDelivered({ wabaId, commandId }) {
      const [found] = await sql<{ wamid: string }>(
        `SELECT wamid FROM messages WHERE command_id = $2 AND waba_id = $1 AND status IN ('delivered', 'read', 'played') LIMIT 1`,
        [wabaId, commandId],
      );
      return found?.wamid;
    },
  };
}

const idOf = ({ wabaId, commandId }: Pick<Claim, 'wabaId' | 'commandId'>) => `${wabaId}/${commandId}`;

async function claimAll(sql: Sql, owner: string, claims: readonly Claim[]): Promise<Claimed[]> {
  const first = new Map<string, number>();
  for (const [index, claim] of claims.entries()) if (!first.has(idOf(claim))) first.set(idOf(claim), index);
  const unique = claims.filter((claim, index) => first.get(idOf(claim)) === index);
  const claimed = await insertClaims(sql, owner, unique);
  const others = unique.filter((claim) => !claimed.has(idOf(claim)));
  const rows = others.length === 0 ? new Map<string, FoundRow>() : await readRows(sql, owner, others);
  return claims.map((claim, index) => {
    const id = idOf(claim);
    if (first.get(id) !== index) return { kind: 'busy' };
    const won = claimed.get(id);
    if (won !== undefined) return { kind: 'claimed', ...won };
    const found = rows.get(id);
    if (found === undefined) return { kind: 'busy' };
    return found.isSameCommand ? { kind: 'taken', row: found.row } : { kind: 'conflict' };
  });
}

type Won = { readonly attempt: number; readonly attemptsBefore: number };

/**
 * Of what says that it is re-driven, the dead letter is looked up: anybody may write a header. Everything else costs no look. Whoever began a
 * re-drive knew of no later death of the command; and what may have been sent is sent again only for a letter that says so.
 */
async function insertClaims(sql: Sql, owner: string, claims: readonly Claim[]): Promise<Map<string, Won>> {
  const rows = await sql<{ id: string; attempts: number; attempts_before: number }>(
    `INSERT INTO dispatch_commands AS d (waba_id, command_id, phone_number_id, fingerprint, state, version, attempts, owner, claimed_at,
                                         source_topic, source_partition, source_offset, redrive)
     SELECT waba_id, command_id, phone_number_id, fingerprint, 'claimed', 0, 1, $8, now(),
            source_topic, source_partition, source_offset,
            CASE WHEN letter IS NOT NULL THEN (
              SELECT l.redrive FROM dead_letters l
              WHERE l.id = t.letter AND l.redrive = t.redrive AND l.waba_id = t.waba_id AND l.command_id = t.command_id
                AND (l.cause = 'ambiguous' OR NOT EXISTS (
                  SELECT FROM dispatch_commands c WHERE c.waba_id = t.waba_id AND c.command_id = t.command_id
                    AND c.state = 'dead-lettered' AND c.outcome->>'cause' = 'ambiguous'))) END
     FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::integer[], $7::bigint[], $9::bigint[], $10::bigint[])
       AS t (waba_id, command_id, phone_number_id, fingerprint, source_topic, source_partition, source_offset, redrive, letter)
     ORDER BY waba_id, command_id
     ON CONFLICT (waba_id, command_id) DO UPDATE SET
       state = 'claimed', attempts = d.attempts + 1, owner = excluded.owner, claimed_at = excluded.claimed_at,
       source_topic = excluded.source_topic, source_partition = excluded.source_partition,
       source_offset = excluded.source_offset,
       fingerprint = excluded.fingerprint, phone_number_id = excluded.phone_number_id,
       redrive = greatest(d.redrive, excluded.redrive),
       attempts_before = CASE WHEN d.state = 'dead-lettered' THEN d.attempts ELSE d.attempts_before END
     WHERE d.state = '${transitions.retry.from}' AND d.fingerprint = excluded.fingerprint
       AND NOT coalesce(d.outcome->>'state' = 'retrying' AND (d.outcome->>'nextAttemptAt')::timestamptz > $11, false)
       OR d.state = '${transitions.redrive.from}' AND excluded.redrive > coalesce(d.redrive, 0)
         AND EXISTS (
           SELECT FROM redrives r WHERE r.id = excluded.redrive AND r.begun_at >= d.settled_at
             AND (d.fingerprint = excluded.fingerprint OR r.correction IS NOT NULL))
     RETURNING d.waba_id || '/' || d.command_id AS id, d.attempts, d.attempts_before`,
    [
      arrayOf.text(claims.map(({ wabaId }) => wabaId)),
      arrayOf.text(claims.map(({ commandId }) => commandId)),
      arrayOf.text(claims.map(({ phoneNumberId }) => phoneNumberId)),
      arrayOf.bytea(claims.map(({ fingerprint }) => fingerprint)),
      arrayOf.text(claims.map(({ source }) => source.topic)),
      arrayOf.integer(claims.map(({ source }) => source.partition)),
      arrayOf.bigint(claims.map(({ source }) => source.offset)),
      owner,
      arrayOf.bigint(claims.map(({ redriven }) => redriven?.redriveId ?? null)),
      arrayOf.bigint(claims.map(({ redriven }) => redriven?.letterId ?? null)),
      new Date(),
    ],
  );
  return new Map(rows.map((row) => [row.id, { attempt: row.attempts, attemptsBefore: row.attempts_before }]));
}

type RawRow = {
  id: string;
  is_same_command: boolean;
  state: LedgerRow['state'];
  version: number;
  attempts: number;
  attempts_before: number;
  owner: string;
  claimed_ms_ago: number;
  unknown_ms_ago: number | null;
  source_topic: string;
  source_partition: number;
  source_offset: string;
  outcome: Outcome | null;
};

async function readRows(sql: Sql, owner: string, claims: readonly Claim[]): Promise<Map<string, FoundRow>> {
  const rows = await sql<RawRow>(
    `SELECT d.waba_id || '/' || d.command_id AS id, d.*, d.fingerprint = t.fingerprint AS is_same_command,
            (extract(epoch FROM now() - d.claimed_at) * 1000)::float8 AS claimed_ms_ago,
            (extract(epoch FROM now() - d.unknown_since) * 1000)::float8 AS unknown_ms_ago
     FROM dispatch_commands d
     JOIN unnest($1::text[], $2::text[], $3::bytea[]) AS t (waba_id, command_id, fingerprint) USING (waba_id, command_id)`,
    [
      arrayOf.text(claims.map(({ wabaId }) => wabaId)),
      arrayOf.text(claims.map(({ commandId }) => commandId)),
      arrayOf.bytea(claims.map(({ fingerprint }) => fingerprint)),
    ],
  );
  return new Map(rows.map((row) => [row.id, { row: rowOf(row, owner), isSameCommand: row.is_same_command }]));
}

function rowOf(row: RawRow, owner: string): LedgerRow {
  return {
    state: row.state,
    version: row.version,
    attempts: row.attempts,
    attemptsBefore: row.attempts_before,
    owner: row.owner,
    isMine: row.owner === owner,
    claimedMsAgo: row.claimed_ms_ago,
    unknownMsAgo: row.unknown_ms_ago,
    source: { topic: row.source_topic, partition: row.source_partition, offset: Number(row.source_offset) },
    outcome: row.outcome,
  };
}

/** The last line of the condition is for a settlement that is there already: its statement had run, and only the answer was lost. */
async function settleAll(
  sql: Sql,
  owner: string,
  settlements: readonly Settlement[],
): Promise<(number | undefined)[]> {
  const rows = await sql<{ id: string; version: number }>(
    `UPDATE dispatch_commands AS d SET
       state = t.state, version = d.version + CASE WHEN d.outcome = t.outcome THEN 0 ELSE t.told END, attempts = t.attempts,
       settled_at = now(), wamid = t.wamid, outcome = t.outcome,
       source_topic = t.source_topic, source_partition = t.source_partition, source_offset = t.source_offset,
       unknown_since = CASE WHEN t.state = 'unknown' THEN coalesce(d.unknown_since, now()) END
     FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::integer[], $8::text[], $9::jsonb[],
                 $10::text[], $11::integer[], $12::bigint[])
       AS t (waba_id, command_id, claimed_attempt, owner, attempts, state, told, wamid, outcome,
             source_topic, source_partition, source_offset)
     WHERE d.waba_id = t.waba_id AND d.command_id = t.command_id AND d.owner = t.owner::uuid
       AND ((d.attempts = t.claimed_attempt AND (d.state, t.state) IN (${pairsOf(settling)}))
         OR (d.attempts = t.attempts AND d.state = t.state AND d.outcome = t.outcome))
     RETURNING d.waba_id || '/' || d.command_id AS id, d.version`,
    [
      arrayOf.text(settlements.map(({ wabaId }) => wabaId)),
      arrayOf.text(settlements.map(({ commandId }) => commandId)),
      arrayOf.integer(settlements.map(({ claimedAttempt }) => claimedAttempt)),
      arrayOf.text(settlements.map((settlement) => settlement.owner ?? owner)),
      arrayOf.integer(settlements.map(({ attempts }) => attempts)),
      arrayOf.text(settlements.map(({ outcome }) => outcome.state)),
      arrayOf.integer(settlements.map(({ isTold }) => (isTold ? 1 : 0))),
      arrayOf.text(settlements.map(({ outcome }) => outcome.wamid ?? null)),
      arrayOf.jsonb(settlements.map(({ outcome }) => JSON.stringify(outcome))),
      arrayOf.text(settlements.map(({ source }) => source.topic)),
      arrayOf.integer(settlements.map(({ source }) => source.partition)),
      arrayOf.bigint(settlements.map(({ source }) => source.offset)),
    ],
  );
  const versions = new Map(rows.map(({ id, version }) => [id, version]));
  return settlements.map((settlement) => versions.get(idOf(settlement)));
}
