import { type MigrationInterface, type QueryRunner } from 'typeorm';

export class Initial1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE wabas (
        waba_id text PRIMARY KEY,
        name text NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE phone_numbers (
        phone_number_id text PRIMARY KEY,
        waba_id text NOT NULL REFERENCES wabas,
        display_phone_number text NOT NULL,
        access_token text NOT NULL,
        messages_per_second integer NOT NULL DEFAULT 80 CHECK (messages_per_second > 0)
      )`);
    await runner.query(`
      CREATE TABLE messages (
        phone_number_id text NOT NULL,
        wamid text NOT NULL,
        waba_id text,
        direction text NOT NULL,
        contact_phone text,
        contact_user_id text,
        type text,
        text text,
        context_wamid text,
        message_at timestamptz,
        is_echo boolean NOT NULL DEFAULT false,
        command_id text,
        status text GENERATED ALWAYS AS (
          CASE
            WHEN played_at IS NOT NULL THEN 'played'
            WHEN read_at IS NOT NULL THEN 'read'
            WHEN delivered_at IS NOT NULL THEN 'delivered'
            WHEN failed_at IS NOT NULL THEN 'failed'
            WHEN sent_at IS NOT NULL THEN 'sent'
            WHEN accepted_at IS NOT NULL THEN 'accepted'
          END) STORED,
        accepted_at timestamptz,
        sent_at timestamptz,
        delivered_at timestamptz,
        read_at timestamptz,
        played_at timestamptz,
        failed_at timestamptz,
        item bytea,
        PRIMARY KEY (phone_number_id, wamid)
      )`);
    await runner.query(`CREATE INDEX messages_contact ON messages (contact_phone, message_at)`);
    await runner.query(
      `CREATE INDEX messages_command ON messages (waba_id, command_id) WHERE command_id IS NOT NULL`,
    );
    await runner.query(`
      CREATE TABLE message_statuses (
        phone_number_id text NOT NULL,
        wamid text NOT NULL,
        status text NOT NULL,
        participant text NOT NULL,
        waba_id text,
        contact_phone text,
        contact_user_id text,
        status_at timestamptz NOT NULL,
        error_code integer,
        error_title text,
        command_id text,
        attempt integer,
        item bytea NOT NULL,
        PRIMARY KEY (phone_number_id, wamid, status, participant)
      )`);
    await runner.query(
      `CREATE INDEX message_statuses_command ON message_statuses (waba_id, command_id) WHERE command_id IS NOT NULL`,
    );
    await runner.query(`
      CREATE TABLE account_changes (
        waba_id text NOT NULL,
        change_hash bytea NOT NULL,
        field text NOT NULL,
        phone_number_id text,
        contact_phone text,
        contact_user_id text,
        changed_at timestamptz,
        item bytea NOT NULL,
        PRIMARY KEY (waba_id, change_hash)
      )`);
    await runner.query(`CREATE TABLE unknown_items (item_hash bytea PRIMARY KEY, item bytea NOT NULL)`);
    await runner.query(`
      CREATE TABLE commands (
        waba_id text NOT NULL,
        command_id text NOT NULL,
        phone_number_id text NOT NULL,
        state text NOT NULL,
        version integer NOT NULL,
        attempts integer NOT NULL,
        recipient text,
        wamid text,
        cause text,
        error_code integer,
        error_class text,
        campaign_id text,
        correlation_id text,
        state_at timestamptz NOT NULL,
        PRIMARY KEY (waba_id, command_id)
      )`);
    await runner.query(`
      CREATE TABLE projection_checkpoints (
        topic text NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (topic, partition)
      )`);
    await runner.query(`
      CREATE TABLE dispatch_commands (
        waba_id text NOT NULL,
        command_id text NOT NULL,
        phone_number_id text NOT NULL,
        state text NOT NULL,
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
        PRIMARY KEY (waba_id, command_id)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE dispatch_commands, projection_checkpoints, commands, unknown_items, account_changes,
        message_statuses, messages, phone_numbers, wabas`);
  }
}
