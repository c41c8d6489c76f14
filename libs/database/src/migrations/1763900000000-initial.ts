import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { createProjection, showProjection } from '../projection/create-projection';
import { schemaOf } from '../projection/schema-of';
import { type Sql } from '../transaction';

export class Initial1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await declareOldestProgram(runner);
    await runner.query('CREATE TABLE user_roles (name text PRIMARY KEY, role name NOT NULL)');
    await letMonthsBeAdded(runner);
    await makeRegistry(runner);
    // What it holds is of the last seconds: after a crash nobody misses it.
    await runner.query(`
      CREATE UNLOGGED TABLE inbound_rates (
        phone_number_id text NOT NULL,
        reporter uuid NOT NULL,
        per_second real NOT NULL,
        measured_at timestamptz NOT NULL,
        PRIMARY KEY (phone_number_id, reporter)
      )`);
    await runner.query(`
      CREATE TABLE projections (
        version integer PRIMARY KEY CHECK (version > 0),
        shape integer NOT NULL,
        state text NOT NULL CHECK (state IN ('live', 'building', 'standby')),
        created_at timestamptz NOT NULL DEFAULT now(),
        promoted_at timestamptz
      )`);
    await runner.query(`CREATE UNIQUE INDEX projections_live ON projections (state) WHERE state = 'live'`);
    await runner.query(`
      CREATE TABLE projection_retention (
        one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
        kept_from date NOT NULL
      )`);
    await runner.query(`INSERT INTO projection_retention (kept_from) VALUES ('0001-01-01')`);
    await runner.query(`
      CREATE TABLE dispatch_commands (
        waba_id text NOT NULL,
        command_id text NOT NULL,
        phone_number_id text NOT NULL,
        fingerprint bytea NOT NULL,
        state text NOT NULL CHECK (state IN ('claimed', 'retrying', 'unknown', 'accepted', 'failed', 'cancelled', 'dead-lettered')),
        version integer NOT NULL,
        attempts integer NOT NULL,
        owner uuid NOT NULL,
        claimed_at timestamptz NOT NULL,
        settled_at timestamptz,
        unknown_since timestamptz,
        wamid text,
        source_topic text NOT NULL,
        source_partition integer NOT NULL,
        source_offset bigint NOT NULL,
        outcome jsonb,
        redrive bigint,
        attempts_before integer NOT NULL DEFAULT 0,
        -- By the id that people ask for, of which they may not know the account.
        PRIMARY KEY (command_id, waba_id)
      )`);
    // Few at a time, and no update of others touches it.
    await runner.query(
      'CREATE INDEX dispatch_commands_unknown ON dispatch_commands (unknown_since) WHERE unknown_since IS NOT NULL',
    );
    await makeDeadLetters(runner);
    await runner.query(`
      CREATE TABLE dispatch_backlog (
        partition integer NOT NULL,
        phone_number_id text NOT NULL,
        priority smallint NOT NULL,
        position bigint NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        waba_id text NOT NULL,
        command_id text NOT NULL,
        campaign_id text,
        recipient text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now(),
        source_topic text NOT NULL,
        source_offset bigint NOT NULL,
        source_timestamp bigint NOT NULL,
        key bytea,
        value bytea NOT NULL,
        -- Not jsonb, which refuses what any publisher may put into a header: the null character.
        headers json NOT NULL,
        PRIMARY KEY (partition, phone_number_id, priority, position, id),
        -- Offsets begin again when a topic is made anew.
        UNIQUE (partition, source_topic, source_offset, source_timestamp)
      ) WITH (autovacuum_vacuum_scale_factor = 0.02)`);
    await runner.query(
      'CREATE INDEX dispatch_backlog_recipients ON dispatch_backlog (partition, phone_number_id, recipient, position)',
    );
    await runner.query('CREATE INDEX dispatch_backlog_command ON dispatch_backlog (command_id)');
    await runner.query(`
      CREATE TABLE dispatch_backlog_lanes (
        partition integer NOT NULL,
        phone_number_id text NOT NULL,
        priority smallint NOT NULL,
        waba_id text NOT NULL,
        depth bigint NOT NULL,
        PRIMARY KEY (partition, phone_number_id, priority)
      ) WITH (fillfactor = 50)`);
    await countBacklog(runner);
    await runner.query(`
      CREATE VIEW backlog AS
      SELECT l.waba_id, l.phone_number_id, (ARRAY['reply', 'notification', 'campaign'])[l.priority + 1] AS priority, l.partition, l.depth,
             oldest.parked_at AS oldest_parked_at
      FROM dispatch_backlog_lanes l
      CROSS JOIN LATERAL (
        SELECT b.parked_at FROM dispatch_backlog b
        WHERE b.partition = l.partition AND b.phone_number_id = l.phone_number_id AND b.priority = l.priority
        ORDER BY b.position, b.id LIMIT 1) AS oldest
      WHERE l.depth > 0`);
    await runner.query(`
      CREATE TABLE cancelled_campaigns (
        waba_id text NOT NULL,
        campaign_id text NOT NULL,
        cancelled_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (waba_id, campaign_id)
      )`);
    await keepRegistryChanges(runner);
    await keepErasures(runner);
    await tellOfRegistry(runner);
    const sql: Sql = (text, parameters = []) => runner.query(text, [...parameters]);
    await createProjection(sql, 1, 'live');
    await showProjection(sql, 1);
  }

  async down(runner: QueryRunner): Promise<void> {
    const projections = (await runner.query('SELECT version FROM projections')) as { version: number }[];
    for (const { version } of projections) await runner.query(`DROP SCHEMA ${schemaOf(version)} CASCADE`);
    await runner.query('DROP VIEW backlog');
    await runner.query(
      'DROP TABLE discards, redrives, dead_letters, cancelled_campaigns, dispatch_backlog_lanes, dispatch_backlog, dispatch_commands, projection_retention, projections, inbound_rates, registry_changes, phone_numbers, wabas, apps, user_roles, oldest_program',
    );
    await runner.query('DROP TABLE erasures, erased_ids');
    await runner.query('DROP FUNCTION count_backlog, notify_registry, add_month');
  }
}

/**
 * Whoever does not know this migration must not work with the schema. A migration that takes away what releases before it need moves it, to the one that
 * came with the first release which does without: see docs/decisions/0038.
 */
async function declareOldestProgram(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE oldest_program (
      one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
      migration text NOT NULL
    )`);
  await runner.query('INSERT INTO oldest_program (migration) VALUES ($1)', [Initial1763900000000.name]);
}

/**
 * The processor needs a partition for each month that it hears of, and is not to make tables otherwise: this one thing it does with the owner's rights.
 * Attached, not declared with their parent: that would lock readers out.
 */
async function letMonthsBeAdded(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE FUNCTION add_month(schema text, parent text, month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      part text := parent || to_char(month, '_YYYY_MM');
    BEGIN
      IF schema !~ '^projection_[0-9]+$' OR month <> date_trunc('month', month) OR NOT EXISTS (
        SELECT FROM pg_class WHERE relnamespace = to_regnamespace(schema) AND relname = parent AND relkind = 'p'
      ) THEN
        RAISE EXCEPTION 'there is no table %.% with months, or % is not the first day of one', schema, parent, month;
      END IF;
      EXECUTE format(
        'CREATE TABLE IF NOT EXISTS %1$I.%2$I (LIKE %1$I.%3$I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED) WITH (fillfactor = 85)',
        schema, part, parent);
      EXECUTE format(
        'ALTER TABLE %1$I.%3$I ATTACH PARTITION %1$I.%2$I FOR VALUES FROM (%4$L) TO (%5$L)',
        schema, part, parent, month, (month + interval '1 month')::date);
    END $$`);
  await runner.query('REVOKE EXECUTE ON FUNCTION add_month FROM PUBLIC');
}

/** What a person has paused says until when and why; who, is in the changes of the registry. */
const PAUSE = `
  paused_until timestamptz,
  paused_reason text`;

/** Apps, accounts and numbers. Tokens and secrets are sealed: see libs/registry. */
async function makeRegistry(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE apps (
      app_id text PRIMARY KEY,
      app_secrets text[] NOT NULL DEFAULT '{}' CHECK (cardinality(app_secrets) <= 2),
      verify_token text,
      messages_per_second integer CHECK (messages_per_second > 0),
      ${PAUSE}
    )`);
  await runner.query(`INSERT INTO apps (app_id) VALUES ('default')`);
  await runner.query(`
    CREATE TABLE wabas (
      waba_id text PRIMARY KEY,
      name text NOT NULL,
      provider text NOT NULL DEFAULT 'meta' CHECK (provider IN ('meta')),
      access_token text,
      messages_per_second integer CHECK (messages_per_second > 0),
      app_id text NOT NULL DEFAULT 'default' REFERENCES apps,
      restricted_until timestamptz,
      restricted_reason text,
      ${PAUSE}
    )`);
  await runner.query(`
    CREATE TABLE phone_numbers (
      phone_number_id text PRIMARY KEY,
      waba_id text NOT NULL REFERENCES wabas,
      display_phone_number text NOT NULL,
      access_token text,
      messages_per_second integer NOT NULL DEFAULT 80 CHECK (messages_per_second BETWEEN 1 AND 1000),
      ${PAUSE}
    )`);
  await runner.query('CREATE INDEX phone_numbers_account ON phone_numbers (waba_id)');
}

/** Who changed what in the registry, and why: people, and Meta by what it tells. */
async function keepRegistryChanges(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE registry_changes (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      subject text NOT NULL CHECK (subject ~ '^(apps|wabas|phone_numbers)/.'),
      change text NOT NULL,
      changed_by text NOT NULL CHECK (changed_by = 'meta' OR changed_by LIKE 'person:_%'),
      reason text,
      until timestamptz,
      -- Of what Meta tells, the time that it tells.
      changed_at timestamptz NOT NULL DEFAULT now(),
      -- The id of the event that told it, by which it is known when it comes again.
      event_id text,
      UNIQUE (subject, event_id)
    )`);
}

/** Who was erased, named by hashes alone, and what was told of them: projected again, it is left out. */
async function keepErasures(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE erasures (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      waba_id text NOT NULL,
      identity_hash bytea NOT NULL,
      erased_at timestamptz NOT NULL DEFAULT now(),
      erased_by text NOT NULL,
      reason text NOT NULL
    )`);
  await runner.query('CREATE INDEX erasures_identity ON erasures (identity_hash)');
  // SHA-256 of a wamid; of a change or an unknown item the hash that is its key.
  await runner.query('CREATE TABLE erased_ids (id_hash bytea PRIMARY KEY)');
}

/** Whoever changes the registry, everybody who listens hears of it once the change is committed. */
async function tellOfRegistry(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE FUNCTION notify_registry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('talaria_registry', TG_TABLE_NAME);
      RETURN NULL;
    END $$`);
  for (const table of ['apps', 'wabas', 'phone_numbers', 'cancelled_campaigns'])
    await runner.query(`
      CREATE TRIGGER talaria_registry AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION notify_registry()`);
}

/** The index of the dead-letter topics, and what people have decided about them. */
async function makeDeadLetters(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE dead_letters (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      topic text NOT NULL,
      partition integer NOT NULL,
      record_offset bigint NOT NULL,
      -- With it, records of a topic that was deleted and made anew are told from those of the old one.
      record_timestamp bigint NOT NULL,
      dead_at timestamptz NOT NULL,
      cause text NOT NULL,
      class text,
      code integer,
      message text,
      fbtrace_id text,
      attempts integer,
      first_failure_at timestamptz,
      last_failure_at timestamptz,
      origin_topic text,
      origin_partition integer,
      origin_offset bigint,
      trace_id text,
      waba_id text,
      phone_number_id text,
      command_id text,
      campaign_id text,
      expires_at timestamptz,
      state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'discarded')),
      redrive bigint,
      discard bigint,
      key bytea,
      value bytea,
      -- Not jsonb, which refuses what any publisher may put into a header: the null character.
      headers json NOT NULL,
      UNIQUE (topic, partition, record_offset, record_timestamp)
    )`);
  // A page of any filter is read in its order; the columns that most letters lack are indexed where they are there.
  await runner.query('CREATE INDEX dead_letters_time ON dead_letters (state, dead_at, id)');
  for (const column of ['topic', 'cause', 'code', 'waba_id', 'phone_number_id', 'campaign_id'])
    await runner.query(
      `CREATE INDEX dead_letters_${column} ON dead_letters (state, ${column}, dead_at, id) WHERE ${column} IS NOT NULL`,
    );
  await runner.query(
    'CREATE INDEX dead_letters_command ON dead_letters (command_id) WHERE command_id IS NOT NULL',
  );
  await runner.query(`
    CREATE INDEX dead_letters_redrive ON dead_letters (redrive, topic, partition, record_offset, record_timestamp)
    WHERE redrive IS NOT NULL`);
  await runner.query(`
    CREATE TABLE redrives (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'finished', 'abandoned')),
      begun_at timestamptz NOT NULL DEFAULT now(),
      begun_by text NOT NULL,
      reason text NOT NULL,
      filter json NOT NULL,
      correction json,
      per_second real NOT NULL CHECK (per_second > 0),
      letters bigint NOT NULL,
      causes json NOT NULL,
      sent bigint NOT NULL DEFAULT 0,
      refused bigint NOT NULL DEFAULT 0,
      sent_topic text NOT NULL DEFAULT '',
      sent_partition integer NOT NULL DEFAULT 0,
      sent_offset bigint NOT NULL DEFAULT -1,
      sent_timestamp bigint NOT NULL DEFAULT 0,
      finished_at timestamptz
    )`);
  await runner.query(`
    CREATE TABLE discards (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      discarded_at timestamptz NOT NULL DEFAULT now(),
      discarded_by text NOT NULL,
      reason text NOT NULL,
      filter json NOT NULL,
      letters bigint NOT NULL,
      causes json NOT NULL
    )`);
}

/** How many are parked, by lane and priority, is kept by the table itself: whoever changes it. */
async function countBacklog(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE FUNCTION count_backlog() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        INSERT INTO dispatch_backlog_lanes AS l (partition, phone_number_id, priority, waba_id, depth)
        SELECT partition, phone_number_id, priority, min(waba_id), count(*) FROM fresh GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (partition, phone_number_id, priority) DO UPDATE SET depth = l.depth + excluded.depth;
      ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO dispatch_backlog_lanes AS l (partition, phone_number_id, priority, waba_id, depth)
        SELECT partition, phone_number_id, priority, min(waba_id), -count(*) FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (partition, phone_number_id, priority) DO UPDATE SET depth = l.depth + excluded.depth;
      ELSE
        INSERT INTO dispatch_backlog_lanes AS l (partition, phone_number_id, priority, waba_id, depth)
        SELECT partition, phone_number_id, priority, min(waba_id), sum(difference)
        FROM (SELECT fresh.*, 1 AS difference FROM fresh UNION ALL SELECT gone.*, -1 FROM gone) AS changed
        GROUP BY 1, 2, 3 HAVING sum(difference) <> 0 ORDER BY 1, 2, 3
        ON CONFLICT (partition, phone_number_id, priority) DO UPDATE SET depth = l.depth + excluded.depth;
      END IF;
      RETURN NULL;
    END $$`);
  for (const [what, tables] of [
    ['INSERT', 'NEW TABLE AS fresh'],
    ['DELETE', 'OLD TABLE AS gone'],
    ['UPDATE', 'NEW TABLE AS fresh OLD TABLE AS gone'],
  ] as const) {
    await runner.query(`
      CREATE TRIGGER count_${what.toLowerCase()} AFTER ${what} ON dispatch_backlog REFERENCING ${tables}
      FOR EACH STATEMENT EXECUTE FUNCTION count_backlog()`);
  }
}
