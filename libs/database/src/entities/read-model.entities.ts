import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * A message of either direction. What Meta's webhooks and our dispatcher tell of one wamid is merged here, in any order: a row may
 * begin with a status alone. Of several forms of one fact the smallest is kept, so that the row does not depend on their order.
 */
@Entity('messages')
export class Message {
  @PrimaryColumn('text', { name: 'phone_number_id' })
  phoneNumberId!: string;

  @PrimaryColumn('text')
  wamid!: string;

  @Column('text', { name: 'waba_id', nullable: true })
  wabaId!: string | null;

  @Column('text')
  direction!: 'inbound' | 'outbound';

  @Column('text', { name: 'contact_phone', nullable: true })
  contactPhone!: string | null;

  @Column('text', { name: 'contact_user_id', nullable: true })
  contactUserId!: string | null;

  /** Meta's type; null while only a status is known. */
  @Column('text', { nullable: true })
  type!: string | null;

  @Column('text', { nullable: true })
  text!: string | null;

  /** The message that it quotes. */
  @Column('text', { name: 'context_wamid', nullable: true })
  contextWamid!: string | null;

  /** By Meta's clock. */
  @Column('timestamptz', { name: 'message_at', nullable: true })
  messageAt!: Date | null;

  /** Sent by hand in the WhatsApp Business app. */
  @Column('boolean', { name: 'is_echo', default: false })
  isEcho!: boolean;

  @Column('text', { name: 'command_id', nullable: true })
  commandId!: string | null;

  /** The highest status seen: played, read, delivered, failed, sent, accepted. Made from the times. */
  @Column({ type: 'text', nullable: true, insert: false, update: false })
  status!: string | null;

  @Column('timestamptz', { name: 'accepted_at', nullable: true })
  acceptedAt!: Date | null;

  @Column('timestamptz', { name: 'sent_at', nullable: true })
  sentAt!: Date | null;

  @Column('timestamptz', { name: 'delivered_at', nullable: true })
  deliveredAt!: Date | null;

  @Column('timestamptz', { name: 'read_at', nullable: true })
  readAt!: Date | null;

  @Column('timestamptz', { name: 'played_at', nullable: true })
  playedAt!: Date | null;

  @Column('timestamptz', { name: 'failed_at', nullable: true })
  failedAt!: Date | null;

  /** Meta's message object: the very bytes for what came by webhook. */
  @Column('bytea', { nullable: true })
  item!: Buffer | null;
}

/** One status of one message, for one participant. */
@Entity('message_statuses')
export class MessageStatus {
  @PrimaryColumn('text', { name: 'phone_number_id' })
  phoneNumberId!: string;

  @PrimaryColumn('text')
  wamid!: string;

  @PrimaryColumn('text')
  status!: string;

  /** `-` outside of groups. */
  @PrimaryColumn('text')
  participant!: string;

  @Column('text', { name: 'waba_id', nullable: true })
  wabaId!: string | null;

  @Column('text', { name: 'contact_phone', nullable: true })
  contactPhone!: string | null;

  @Column('text', { name: 'contact_user_id', nullable: true })
  contactUserId!: string | null;

  @Column('timestamptz', { name: 'status_at' })
  statusAt!: Date;

  @Column('integer', { name: 'error_code', nullable: true })
  errorCode!: number | null;

  @Column('text', { name: 'error_title', nullable: true })
  errorTitle!: string | null;

  /** The command that sent the message, by the callback data that came back. */
  @Column('text', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('integer', { nullable: true })
  attempt!: number | null;

  @Column('bytea')
  item!: Buffer;
}

/** A change of any webhook field other than messages and statuses, whole. */
@Entity('account_changes')
export class AccountChange {
  @PrimaryColumn('text', { name: 'waba_id' })
  wabaId!: string;

  /** SHA-256 over field, time, number and bytes: the same change, told twice, is one row. */
  @PrimaryColumn('bytea', { name: 'change_hash' })
  changeHash!: Buffer;

  @Column('text')
  field!: string;

  @Column('text', { name: 'phone_number_id', nullable: true })
  phoneNumberId!: string | null;

  @Column('text', { name: 'contact_phone', nullable: true })
  contactPhone!: string | null;

  @Column('text', { name: 'contact_user_id', nullable: true })
  contactUserId!: string | null;

  /** `time` of Meta's entry. */
  @Column('timestamptz', { name: 'changed_at', nullable: true })
  changedAt!: Date | null;

  @Column('bytea')
  item!: Buffer;
}

/** What came signed from Meta and has no shape that we know. */
@Entity('unknown_items')
export class UnknownItem {
  @PrimaryColumn('bytea', { name: 'item_hash' })
  itemHash!: Buffer;

  @Column('bytea')
  item!: Buffer;
}

/** The present state of a command, as the dispatcher's events tell it. */
@Entity('commands')
export class Command {
  @PrimaryColumn('text', { name: 'waba_id' })
  wabaId!: string;

  @PrimaryColumn('text', { name: 'command_id' })
  commandId!: string;

  @Column('text', { name: 'phone_number_id' })
  phoneNumberId!: string;

  /** accepted, retrying, unknown or dead-lettered. */
  @Column('text')
  state!: string;

  /** Of the event that told it; a lower one changes nothing. */
  @Column('integer')
  version!: number;

  @Column('integer')
  attempts!: number;

  @Column('text', { nullable: true })
  recipient!: string | null;

  @Column('text', { nullable: true })
  wamid!: string | null;

  /** Why it is dead-lettered. */
  @Column('text', { nullable: true })
  cause!: string | null;

  @Column('integer', { name: 'error_code', nullable: true })
  errorCode!: number | null;

  @Column('text', { name: 'error_class', nullable: true })
  errorClass!: string | null;

  @Column('text', { name: 'campaign_id', nullable: true })
  campaignId!: string | null;

  @Column('text', { name: 'correlation_id', nullable: true })
  correlationId!: string | null;

  @Column('timestamptz', { name: 'state_at' })
  stateAt!: Date;
}

/** How far a partition is projected, written in the transaction of the rows. */
@Entity('projection_checkpoints')
export class ProjectionCheckpoint {
  @PrimaryColumn('text')
  topic!: string;

  @PrimaryColumn('integer')
  partition!: number;

  @Column('bigint', { name: 'next_offset' })
  nextOffset!: string;
}
