import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a person may set on a sender: nothing of it is sent meanwhile, and its commands wait. */
export abstract class Pausable {
  /** The time at which it goes on by itself; 'infinity', read as the number Infinity, until somebody takes it back. */
  @Column('timestamptz', { name: 'paused_until', nullable: true })
  pausedUntil!: Date | number | null;

  /** For people. */
  @Column('text', { name: 'paused_reason', nullable: true })
  pausedReason!: string | null;
}

/** An app at Meta, whose token sends for WABAs. */
@Entity('apps')
export class MetaApp extends Pausable {
  @PrimaryColumn('text', { name: 'app_id' })
  appId!: string;

  /** Sealed. Up to two, both of which are live: of webhooks, either may have signed. */
  @Column('text', { name: 'app_secrets', array: true })
  appSecrets!: string[];

  /** Sealed. What Meta repeats when the webhook is set up. */
  @Column('text', { name: 'verify_token', nullable: true })
  verifyToken!: string | null;

  /** What all its WABAs may send together, on top of what each may; null for no ceiling of its own. */
  @Column('integer', { name: 'messages_per_second', nullable: true })
  messagesPerSecond!: number | null;
}

/** A WhatsApp business account. */
@Entity('wabas')
export class Waba extends Pausable {
  @PrimaryColumn('text', { name: 'waba_id' })
  wabaId!: string;

  @Column('text')
  name!: string;

  /** Who carries its messages. */
  @Column('text', { default: 'meta' })
  provider!: 'meta';

  /** Sealed. For all its numbers that have none of their own. */
  @Column('text', { name: 'access_token', nullable: true })
  accessToken!: string | null;

  /** What all its numbers may send together, on top of what each may; null for no ceiling of its own. */
  @Column('integer', { name: 'messages_per_second', nullable: true })
  messagesPerSecond!: number | null;

  @Column('text', { name: 'app_id', default: 'default' })
  appId!: string;

  /** Until when Meta does not let it send, as webhooks tell; beside a person's pause: what is to be sent waits for the end of both. */
  @Column('timestamptz', { name: 'restricted_until', nullable: true })
  restrictedUntil!: Date | number | null;

  /** In Meta's words. */
  @Column('text', { name: 'restricted_reason', nullable: true })
  restrictedReason!: string | null;
}

/** A business phone number that sends and receives. */
@Entity('phone_numbers')
export class PhoneNumber extends Pausable {
  @PrimaryColumn('text', { name: 'phone_number_id' })
  phoneNumberId!: string;

  @Column('text', { name: 'waba_id' })
  wabaId!: string;

  @Column('text', { name: 'display_phone_number' })
  displayPhoneNumber!: string;

  /** Sealed; null when the account's is used. Opened, it leaves a process only as the Authorization header of a call to Meta. */
  @Column('text', { name: 'access_token', nullable: true })
  accessToken!: string | null;

  /** What Meta allows this number, inbound and outbound together: at most 1000. */
  @Column('integer', { name: 'messages_per_second', default: 80 })
  messagesPerSecond!: number;
}
