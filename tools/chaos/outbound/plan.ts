import { type SendMessage } from '@talaria/contracts';
import { between, pick, type Random, seeded } from '../../../apps/simulator/src/random';

export type Publication = {
  /** Milliseconds from the start. */
  readonly at: number;
  readonly command: Omit<SendMessage, 'expiresAt'>;
  readonly expiresAt: number | undefined;
  /** In another partition than its WABA's, by so many. */
  readonly aside: number;
};

/** How long a run publishes, and of what it is made. */
export type Course = { readonly seed: number; readonly seconds: number };

const COMMANDS_PER_SECOND = 32;
const TICK_MS = 250;
/** Whom Meta refuses for good. */
export const blocked = ['+4915299000001', '+4915299000002', '+4915299000003'];
/** Few people at a time, so that much is in order to each; others after a while, before Meta's limit for a pair is reached. */
const PEOPLE = 12;
const COMMANDS_OF_PEOPLE = 150;
/** Campaigns on all slow numbers at once, each of as many as a number sends in several seconds. */
const CAMPAIGN = { every: 15_000, from: 4000, commands: 40, people: 400 };

/** Two numbers for each of four WABAs; the second of each is slow, so that campaigns press against its limit. */
export const numbers = ['730001', '730002', '730003', '730004'].flatMap((wabaId) =>
  ['1', '2'].map((one) => ({
    wabaId,
    phoneNumberId: `${wabaId}0${one}`,
    displayPhoneNumber: `+1${wabaId}0${one}`,
    messagesPerSecond: one === '1' ? 40 : 20,
  })),
);
type BusinessNumber = (typeof numbers)[number];
const slowNumbers = numbers.filter(({ messagesPerSecond }) => messagesPerSecond === 20);

/** What is published and when, in the order of time. The same seed makes the same. */
export function planPublications({ seed, seconds }: Course): Publication[] {
  const endsAt = seconds * 1000;
  const random = seeded(seed * 8);
  const all: Publication[] = [];
  const count = Math.floor(seconds * COMMANDS_PER_SECOND);
  for (let index = 0; index < count; index++) {
    const at = Math.floor((index * 1000) / COMMANDS_PER_SECOND / TICK_MS) * TICK_MS;
    const first = {
      at,
      command: aCommand(random, seed, index),
      expiresAt: random() < 0.06 ? at + Math.round(between(random, [1000, 15_000])) : undefined,
      aside: random() < 0.03 ? aside(random) : 0,
    };
    all.push(first, ...repeatsOf(random, first));
  }
  all.push(...campaigns(seed, endsAt));
  // The sort keeps the order of what comes together.
  return all.filter(({ at }) => at < endsAt).sort((a, b) => a.at - b.at);
}

const someNumber = (random: Random) => pick(random, numbers as never as [BusinessNumber]);
const aside = (random: Random) => 1 + Math.floor(random() * 11);

/** The same again later, perhaps from elsewhere; or another command with the same id. */
function repeatsOf(random: Random, first: Publication): Publication[] {
  const later = { ...first, at: first.at + TICK_MS * Math.floor(between(random, [1, 32])) };
  const chance = random();
  if (chance < 0.05) return [{ ...later, aside: random() < 0.5 ? aside(random) : 0 }];
  // What is forwarded may come behind what was published later: it would be open who was the first.
  if (chance > 0.02 + 0.05 || first.aside > 0) return [];
  const message = { type: 'text', text: { body: 'something else under the same id' } };
  return [{ ...later, aside: 0, command: { ...first.command, message } }];
}

function aCommand(random: Random, seed: number, index: number): Publication['command'] {
  const { wabaId, phoneNumberId } = someNumber(random);
  const group = Math.floor(index / numbers.length / COMMANDS_OF_PEOPLE);
  const person = group * PEOPLE + Math.floor(random() * PEOPLE);
  const priority = pick<SendMessage['priority']>(random, ['reply', 'notification', 'campaign', undefined]);
  return {
    id: `chaos-${seed}-${index}`,
    wabaId,
    phoneNumberId,
    to: random() < 0.02 ? pick(random, blocked as [string]) : `+49152${String(10_000_000 + person)}`,
    message: { type: 'text', text: { body: `message ${index}` } },
    ...(priority !== undefined && { priority }),
    ...(random() < 0.15 && { onUnknown: 'resend' as const }),
  };
}

/** All at once, to people of their own. */
function campaigns(seed: number, until: number): Publication[] {
  const all: Publication[] = [];
  for (let at = CAMPAIGN.from, first = 0; at < until; at += CAMPAIGN.every, first += CAMPAIGN.commands) {
    for (const { wabaId, phoneNumberId } of slowNumbers) {
      for (let index = 0; index < CAMPAIGN.commands; index++) {
        const command = {
          ...{ id: `campaign-${seed}-${phoneNumberId}-${at}-${index}`, wabaId, phoneNumberId },
          to: `+49153${String(10_000_000 + ((first + index) % CAMPAIGN.people))}`,
          message: { type: 'text', text: { body: `campaign ${index}` } },
          priority: 'campaign' as const,
        };
        all.push({ at, command, expiresAt: undefined, aside: 0 });
      }
    }
  }
  return all;
}
