import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A WhatsApp business account. */
@Entity('wabas')
export class Waba {
  @PrimaryColumn('text', { name: 'waba_id' })
  wabaId!: string;

  @Column('text')
  name!: string;

  /** What all its numbers may send together, on top of what each may; null for no ceiling of its own. */
  @Column('integer', { name: 'messages_per_second', nullable: true })
  messagesPerSecond!: number | null;
}

/** A business phone number that sends and receives. */
@Entity('phone_numbers')
export class PhoneNumber {
  @PrimaryColumn('text', { name: 'phone_number_id' })
  phoneNumberId!: string;

  @Column('text', { name: 'waba_id' })
  wabaId!: string;

  @Column('text', { name: 'display_phone_number' })
  displayPhoneNumber!: string;

  /** Never leaves this table but as the Authorization header of a call to Meta. */
  @Column('text', { name: 'access_token' })
  accessToken!: string;

  /** What Meta allows this number, inbound and outbound together. */
  @Column('integer', { name: 'messages_per_second', default: 80 })
  messagesPerSecond!: number;
}
