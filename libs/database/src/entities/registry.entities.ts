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

  /** What all its numbers may send together, on top of what each may; null for no ceiling of its own. */
  @Column('integer', { name: 'messages_per_second', nullable: true })
  messagesPerSecond!: number | null;

  @Column('text', { name: 'app_id', default: 'default' })
  appId!: string;
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

  /** Never leaves this table but as the Authorization header of a call to Meta. */
  @Column('text', { name: 'access_token' })
  accessToken!: string;

  /** What Meta allows this number, inbound and outbound together: at most 1000. */
  @Column('integer', { name: 'messages_per_second', default: 80 })
  messagesPerSecond!: number;
}
