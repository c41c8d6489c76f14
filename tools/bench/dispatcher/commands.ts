import { type SendMessage, topics } from '@talaria/contracts';
import { partitionOf } from '@talaria/kafka';

/** A business number that sends, as the registry and Meta's stand-in know it. */
export type Sender = {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly displayPhoneNumber: string;
  readonly accessToken: string;
  readonly messagesPerSecond: number;
};

export type SendersAsked = {
  readonly count: number;
  /** Numbers of one account; default 1. */
  readonly perWaba?: number;
  readonly messagesPerSecond: number;
  /** Where the records of them all are; default: wherever their accounts' keys put them. */
  readonly partition?: number;
};

/** The most that the registry takes for a number, as Meta's most: twenty of them together send more than any machine here. */
export const UNLIMITED = 1000;

/** @param first how many there are already: no two are alike */
export function sendersOf(first: number, asked: SendersAsked): Sender[] {
  const { count, perWaba = 1, messagesPerSecond, partition } = asked;
  const wabas = wabaIds(first, Math.ceil(count / perWaba), partition);
  return Array.from({ length: count }, (_, place) => {
    const wabaId = wabas[Math.floor(place / perWaba)] ?? '';
    return {
      phoneNumberId: String(500_000_000 + first + place),
      wabaId,
      displayPhoneNumber: `+1555${String(2_000_000 + first + place)}`,
      accessToken: `token-${wabaId}`,
      messagesPerSecond,
    };
  });
}

function wabaIds(first: number, count: number, partition: number | undefined): string[] {
  const found: string[] = [];
  for (let id = 900_000_000 + first * 10_000; found.length < count; id++) {
    const isThere =
      partition === undefined || partitionOf(String(id), topics.outbound.partitions) === partition;
    if (isThere) found.push(String(id));
  }
  return found;
}

/**
 * The command with this number, which is its id too.
 * @param person who receives it
 */
export function commandOf(
  index: number,
  { wabaId, phoneNumberId }: Sender,
  person: number,
  priority: 'reply' | 'notification' | 'campaign',
): SendMessage {
  return {
    id: String(index),
    wabaId,
    phoneNumberId,
    to: `+49151${String(100_000_000 + person)}`,
    priority,
    message: {
      type: 'text',
      text: { body: `Hello! Parcel ${index} is on its way, and comes to München by Friday. Thanks a lot 🙏` },
    },
  };
}
