import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The dispatcher's ledger: what was tried for a command, and how it ended. A command is sent once because this row says so. */
@Entity('dispatch_commands')
export class DispatchCommand {
  @PrimaryColumn('text', { name: 'waba_id' })
  wabaId!: string;

  @PrimaryColumn('text', { name: 'command_id' })
  commandId!: string;

  @Column('text', { name: 'phone_number_id' })
  phoneNumberId!: string;

  /** SHA-256 of the command: another one with this id is not this command. */
  @Column('bytea')
  fingerprint!: Buffer;

  /** claimed (an attempt is under way), retrying, unknown, accepted, failed (Meta had taken it, and told later that it failed), cancelled or dead-lettered. */
  @Column('text')
  state!: string;

  /** Counts the changes of state; with the id it names an event. */
  @Column('integer')
  version!: number;

  @Column('integer')
  attempts!: number;

  /** The process that claimed it. */
  @Column('uuid')
  owner!: string;

  @Column('timestamptz', { name: 'claimed_at' })
  claimedAt!: Date;

  @Column('timestamptz', { name: 'settled_at', nullable: true })
  settledAt!: Date | null;

  /** Since when nobody knows whether Meta took it. */
  @Column('timestamptz', { name: 'unknown_since', nullable: true })
  unknownSince!: Date | null;

  @Column('text', { nullable: true })
  wamid!: string | null;

  /** The record that was worked on last: the same again is a redelivery, another one a repeated publish. */
  @Column('text', { name: 'source_topic' })
  sourceTopic!: string;

  @Column('integer', { name: 'source_partition' })
  sourcePartition!: number;

  @Column('bigint', { name: 'source_offset' })
  sourceOffset!: string;

  /** The outcome of the last attempt, to tell it again after a crash. */
  @Column('jsonb', { nullable: true })
  outcome!: unknown;

  /** The last re-drive that let it be tried again after it was dead-lettered. */
  @Column('bigint', { nullable: true })
  redrive!: string | null;

  /** Attempts that were spent before that: its budget counts from there. */
  @Column('integer', { name: 'attempts_before', default: 0 })
  attemptsBefore!: number;
}
