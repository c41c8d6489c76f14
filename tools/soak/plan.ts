import { type SendMessage } from '@talaria/contracts';
import { between, pick, type Random, type Range, seeded } from '../../apps/simulator/src/random';

/** What a run does, all of it made of the seed. Times are milliseconds from its start. */
export type Plan = {
  readonly publications: readonly Publication[];
  /** Each track does one thing after another; the tracks run beside each other. */
  readonly tracks: readonly (readonly Step[])[];
  readonly blocked: readonly string[];
  /** When misfortune ends, and when publishing does. */
  readonly calmAt: number;
  readonly endsAt: number;
};

export type Publication = {
  readonly at: number;
  readonly command: Omit<SendMessage, 'expiresAt'>;
  readonly expiresAt: number | undefined;
  /** In another partition than its WABA's, by so many. */
  readonly aside: number;
};

export type Step = Deed & { readonly at: number };

/** `ms` is how long it lasts. */
export type Deed =
  /** The next few sends of a number meet this. */
  | {
      readonly kind: 'mishap';
      readonly phoneNumberId: string;
      readonly times: number;
      readonly answer: FaultAnswer;
      readonly ms: 0;
    }
  /** Every send of a number, or of all. */
  | {
      readonly kind: 'weather';
      readonly phoneNumberId: string | undefined;
      readonly answer: FaultAnswer;
      readonly ms: number;
    }
  | { readonly kind: 'token-revoked'; readonly wabaId: string; readonly ms: number }
  | { readonly kind: 'dispatcher-killed' | 'dispatcher-frozen'; readonly which: number; readonly ms: number }
  | {
      readonly kind:
        | 'processor-killed'
        | 'processor-stopped'
        | 'postgres-away'
        | 'ledger-locked'
        | 'kafka-frozen'
        | 'kafka-killed';
      readonly ms: number;
    };

/** As the simulator takes it. */
export type FaultAnswer = Readonly<Record<string, string | number | boolean>>;

export const DISPATCHERS = 2;
const SECONDS_OF_CALM = 8;
const COMMANDS_PER_SECOND = 40;
const TICK_MS = 250;
const BLOCKED = ['+4915299000001', '+4915299000002', '+4915299000003'];
/** Few people at a time, so that much is in order to each; others after a while, before Meta's limit for a pair is reached. */
const PEOPLE = 12;
const COMMANDS_OF_PEOPLE = 150;

/** Two numbers for each of four WABAs. */
export const numbers = ['730001', '730002', '730003', '730004'].flatMap((wabaId) =>
  ['1', '2'].map((one) => ({
    wabaId,
    phoneNumberId: `${wabaId}0${one}`,
    displayPhoneNumber: `+1${wabaId}0${one}`,
    messagesPerSecond: 40,
  })),
);

/** The same seed makes the same plan. */
export function makePlan({ seed, seconds }: { readonly seed: number; readonly seconds: number }): Plan {
  const endsAt = seconds * 1000;
  const calmAt = endsAt - SECONDS_OF_CALM * 1000;
  // A source of its own for each, so that none depends on how much another took.
  const sources = Array.from({ length: 6 }, (_, index) => seeded(seed * 8 + index));
  const [commands, ...others] = sources as [Random, ...Random[]];
  const decks: readonly Deck[] = [
    { from: 1000, pause: [200, 900], deeds: mishaps },
    { from: 4000, pause: [1000, 3000], deeds: weathers },
    { from: 6000, pause: [8000, 16_000], deeds: [tokenRevoked] },
    { from: 5000, pause: [4000, 7000], deeds: ends },
    { from: 3000, pause: [2500, 4500], deeds: outages },
  ];
  return {
    publications: publicationsOf(commands, seed, endsAt),
    tracks: decks.map((deck, index) => deal(others[index] ?? commands, deck, calmAt)),
    blocked: BLOCKED,
    calmAt,
    endsAt,
  };
}

type Deck = {
  readonly from: number;
  readonly pause: Range;
  readonly deeds: readonly ((random: Random) => Deed)[];
};

/** Each once in any order, then each again. */
function deal(random: Random, { from, pause, deeds }: Deck, until: number): Step[] {
  const steps: Step[] = [];
  let deck: (typeof deeds)[number][] = [];
  for (let at = from; at < until;) {
    if (deck.length === 0) deck = shuffled(random, deeds);
    const deed = deck.pop()?.(random);
    if (deed === undefined || at + deed.ms > until) break;
    steps.push({ ...deed, at: Math.round(at) });
    at += deed.ms + between(random, pause);
  }
  return steps;
}

function shuffled<T>(random: Random, all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one);
}

const someNumber = (random: Random) => pick(random, numbers as never as [(typeof numbers)[number]]);
const lasting = (random: Random, range: Range) => Math.round(between(random, range));

const unreadable = { http: 502, body: '<html><h1>502 Bad Gateway</h1></html>', contentType: 'text/html' };
const troubles: readonly FaultAnswer[] = [
  { code: 2, status: 503 },
  { code: 131000 },
  unreadable,
  { ...unreadable, accept: true },
  { drop: 'before' },
  { drop: 'after' },
  { hang: true, accept: false },
  { hang: true, accept: true },
  { code: 130429 },
];

const mishaps = [
  ...troubles,
  { code: 131016 },
  { code: 131056 },
  { failedStatus: 131026 },
  { failedStatus: 131047 },
  { delayMs: 700 },
].map((answer: FaultAnswer) => (random: Random): Deed => ({
  ...{ kind: 'mishap', phoneNumberId: someNumber(random).phoneNumberId, answer, ms: 0 },
  times: 1 + Math.floor(random() * 3),
}));

/** Half of the time all numbers have it. */
const weathers = troubles.map((answer) => (random: Random): Deed => ({
  ...{ kind: 'weather', answer, ms: lasting(random, [1000, 3000]) },
  phoneNumberId: random() < 0.5 ? undefined : someNumber(random).phoneNumberId,
}));

function tokenRevoked(random: Random): Deed {
  return {
    kind: 'token-revoked',
    wabaId: someNumber(random).wabaId,
    ms: lasting(random, [1000, 4000]),
  };
}

/** Longer than a consumer may be silent, or not. */
const ends = (['dispatcher-killed', 'dispatcher-frozen'] as const).map((kind) => (random: Random): Deed => ({
  kind,
  which: Math.floor(random() * DISPATCHERS),
  ms: lasting(random, [500, 9000]),
}));

/** What keeps statuses from the read model. One at a time: together they would last longer than anybody looks for a status. */
const outages = (
  [
    'postgres-away',
    'ledger-locked',
    'kafka-frozen',
    'kafka-killed',
    'processor-killed',
    'processor-stopped',
  ] as const
).map((kind) => (random: Random): Deed => ({ kind, ms: lasting(random, [1500, 6000]) }));

function publicationsOf(random: Random, seed: number, endsAt: number): Publication[] {
  const all: Publication[] = [];
  const count = Math.floor((endsAt / 1000) * COMMANDS_PER_SECOND);
  for (let index = 0; index < count; index++) {
    const at = Math.floor((index * 1000) / COMMANDS_PER_SECOND / TICK_MS) * TICK_MS;
    const first = {
      at,
      command: aCommand(random, seed, index),
      expiresAt: random() < 0.06 ? at + lasting(random, [1000, 15_000]) : undefined,
      aside: random() < 0.03 ? aside(random) : 0,
    };
    all.push(first, ...repeatsOf(random, first));
  }
  // In the order of time; the sort keeps the order of what comes together.
  return all.filter(({ at }) => at < endsAt).sort((a, b) => a.at - b.at);
}

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
    id: `soak-${seed}-${index}`,
    wabaId,
    phoneNumberId,
    to: random() < 0.02 ? pick(random, BLOCKED as [string]) : `+49152${String(10_000_000 + person)}`,
    message: { type: 'text', text: { body: `message ${index}` } },
    ...(priority !== undefined && { priority }),
    ...(random() < 0.15 && { onUnknown: 'resend' as const }),
  };
}
