import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { createProjection, schemaOf, showProjection } from '../projection/create-projection';
import { type Sql } from '../transaction';

export class Initial1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE wabas (
        waba_id text PRIMARY KEY,
        name text NOT NULL,
        messages_per_second integer CHECK (messages_per_second > 0)
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
    const sql: Sql = (text, parameters = []) => runner.query(text, [...parameters]);
    await createProjection(sql, 1, 'live');
    await showProjection(sql, 1);
  }

  async down(runner: QueryRunner): Promise<void> {
    const projections = (await runner.query('SELECT version FROM projections')) as { version: number }[];
    for (const { version } of projections) await runner.query(`DROP SCHEMA ${schemaOf(version)} CASCADE`);
    await runner.query(
      'DROP TABLE dispatch_commands, projection_retention, projections, phone_numbers, wabas',
    );
  }
}
