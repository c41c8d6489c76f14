import { between, pick, type Random, type Range, seeded } from '../../../apps/simulator/src/random';
import { type LinkFault } from '../surroundings/link';
import { type Course, numbers } from '../outbound/plan';
import { apps, type ProcessName, processNames } from '../processes';

/** What goes wrong, and when: milliseconds from the start of the run. */
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
  /** kill -9 and started again; SIGSTOP and SIGCONT; SIGTERM and started again. */
  | {
      readonly kind: 'killed' | 'frozen' | 'stopped';
      readonly process: ProcessName;
      readonly ms: number;
    }
  /** Every process is told to stop and started again, one after the other. */
  | { readonly kind: 'rolled'; readonly ms: 0 }
  /** A third one, for a while. */
  | { readonly kind: 'scaled-up'; readonly app: (typeof apps)[number]; readonly ms: number }
  | { readonly kind: 'broker-killed' | 'broker-frozen'; readonly broker: number; readonly ms: number }
  /** All but this one are killed: fewer than have to be in sync. */
  | { readonly kind: 'brokers-lost'; readonly butFor: number; readonly ms: number }
  | { readonly kind: 'leaders-moved'; readonly ms: number }
  | {
      readonly kind: 'postgres-stopped' | 'postgres-killed' | 'postgres-frozen' | 'ledger-locked';
      readonly ms: number;
    }
  | {
      readonly kind: 'network';
      readonly from: string;
      readonly to: string;
      readonly fault: LinkFault;
      readonly ms: number;
    }
  /** A process' clock is set, and set back. */
  | {
      readonly kind: 'clock-stepped';
      readonly process: ProcessName;
      readonly byMs: number;
      readonly ms: number;
    }
  /** An ingestion cannot reach Kafka, and there is no room on the disk of its spool. */
  | { readonly kind: 'disk-full'; readonly process: 'ingestion' | 'ingestion-2'; readonly ms: number }
  | { readonly kind: 'token-revoked'; readonly wabaId: string; readonly ms: number }
  | { readonly kind: 'secret-rotated'; readonly ms: number }
  | { readonly kind: 'number-paused' | 'rate-lowered'; readonly phoneNumberId: string; readonly ms: number };

/** As the simulator takes it. */
export type FaultAnswer = Readonly<Record<string, string | number | boolean>>;

/** So long before the end of the run nothing goes wrong any more. */
export const CALM_MS = 8000;

type Deck = {
  readonly from: number;
  readonly pause: Range;
  readonly deeds: readonly ((random: Random) => Deed)[];
};

/**
 * What goes wrong on each of these tracks: a track does one thing after another, and the tracks run beside each other. The same seed makes the
 * same, whichever others run.
 */
export function planSteps(
  { seed, seconds }: Course,
  tracks: readonly TrackName[] = trackNames,
): readonly (readonly Step[])[] {
  const calmAt = seconds * 1000 - CALM_MS;
  // A source of its own for each, so that none depends on how much another took.
  return tracks.map((name) => deal(seeded(seed * 8 + trackNames.indexOf(name) + 1), decks[name], calmAt));
}

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

const one = <T>(random: Random, all: readonly T[]) => pick(random, all as never as [T]);
const someNumber = (random: Random) => one(random, numbers).phoneNumberId;
const lasting = (random: Random, range: Range) => Math.round(between(random, range));

const unreadable = { http: 502, body: '<html><h1>502 Bad Gateway</h1></html>', contentType: 'text/html' };
const troubles: readonly FaultAnswer[] = [
  { code: 2, status: 503 },
  { code: 131000 },
  unreadable,
  { ...unreadable, accept: true },
  { http: 200, body: '{"messages":[]}', contentType: 'application/json', accept: true },
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
  ...{ kind: 'mishap', phoneNumberId: someNumber(random), answer, ms: 0 },
  times: 1 + Math.floor(random() * 3),
}));

/** Half of the time all numbers have it. */
const weathers = troubles.map((answer) => (random: Random): Deed => ({
  ...{ kind: 'weather', answer, ms: lasting(random, [1000, 3000]) },
  phoneNumberId: random() < 0.5 ? undefined : someNumber(random),
}));

/** Longer than a consumer may be silent, or not. */
const ofProcess =
  (kind: 'killed' | 'frozen' | 'stopped', app: string) =>
  (random: Random): Deed => ({
    ...{ kind, ms: lasting(random, kind === 'stopped' ? [200, 3000] : [500, 9000]) },
    process: one(
      random,
      processNames.filter((name) => name.startsWith(app)),
    ),
  });

const ends = [
  ...apps.flatMap((app) => [ofProcess('killed', app), ofProcess('frozen', app), ofProcess('stopped', app)]),
  ...apps.map((app) => (random: Random): Deed => ({
    ...{ kind: 'scaled-up', app, ms: lasting(random, [2000, 6000]) },
  })),
  (): Deed => ({ kind: 'rolled', ms: 0 }),
];

const ofPostgres = (['postgres-stopped', 'postgres-killed', 'postgres-frozen', 'ledger-locked'] as const).map(
  (kind) =>
    (random: Random): Deed => ({ kind, ms: lasting(random, [1500, 6000]) }),
);

const brokers = [0, 1, 2];
const ofKafka = [
  ...(['broker-killed', 'broker-frozen'] as const).map((kind) => (random: Random): Deed => ({
    ...{ kind, broker: one(random, brokers) },
    // Sometimes for longer than any request is waited for, and until others have all that it led.
    ms: lasting(random, random() < 0.3 ? [12_000, 20_000] : [2000, 8000]),
  })),
  (random: Random): Deed => ({
    ...{ kind: 'brokers-lost', butFor: one(random, brokers), ms: lasting(random, [2000, 6000]) },
  }),
  (random: Random): Deed => ({ kind: 'leaders-moved', ms: lasting(random, [2000, 5000]) }),
];

const linkFaults: readonly ((random: Random) => LinkFault)[] = [
  (random) => ({ kind: 'latency', ms: lasting(random, [50, 500]), jitterMs: lasting(random, [0, 200]) }),
  (random) => ({ kind: 'slow', bytesPerSecond: lasting(random, [2000, 50_000]) }),
  () => ({ kind: 'cut' }),
  () => ({ kind: 'reset' }),
  (random) => ({
    ...{ kind: 'half-open' },
    direction: one(random, ['to-server', 'to-client', 'both'] as const),
  }),
];

/** Between any two parts that talk to each other. */
function someWay(random: Random): { readonly from: string; readonly to: string } {
  const broker = `kafka-${one(random, brokers) + 1}`;
  const from = one(random, [...processNames, 'brokers', 'door', 'simulator']);
  switch (from) {
    case 'brokers':
      return { from, to: broker };
    case 'door':
      return { from, to: one(random, ['ingestion', 'ingestion-2']) };
    case 'simulator':
      return { from, to: 'door' };
    default: {
      const others = from.startsWith('dispatcher') ? ['postgres', 'simulator'] : ['postgres'];
      return { from, to: one(random, [broker, broker, ...others]) };
    }
  }
}

const ofNetwork = linkFaults.map((fault) => (random: Random): Deed => ({
  ...{ kind: 'network', ...someWay(random), fault: fault(random), ms: lasting(random, [1000, 8000]) },
}));

const ofSurroundings: readonly ((random: Random) => Deed)[] = [
  (random) => ({
    ...{ kind: 'clock-stepped', process: one(random, processNames), ms: lasting(random, [2000, 8000]) },
    byMs: one(random, [-60_000, -2000, 2000, 60_000]),
  }),
  (random) => ({
    ...{ kind: 'disk-full', process: one(random, ['ingestion', 'ingestion-2'] as const) },
    ms: lasting(random, [3000, 8000]),
  }),
  (random) => ({
    ...{ kind: 'token-revoked', wabaId: one(random, numbers).wabaId, ms: lasting(random, [1000, 4000]) },
  }),
  () => ({ kind: 'secret-rotated', ms: 2000 }),
  ...(['number-paused', 'rate-lowered'] as const).map((kind) => (random: Random): Deed => ({
    ...{ kind, phoneNumberId: someNumber(random), ms: lasting(random, [2000, 6000]) },
  })),
];

const decks = {
  mishaps: { from: 1000, pause: [200, 900], deeds: mishaps },
  // Breakers hold everything back after it, for longer each time that it comes before they have closed.
  weather: { from: 4000, pause: [5000, 15_000], deeds: weathers },
  processes: { from: 5000, pause: [2000, 5000], deeds: ends },
  servers: { from: 3000, pause: [3000, 6000], deeds: [...ofKafka, ...ofPostgres] },
  network: { from: 6000, pause: [1000, 4000], deeds: ofNetwork },
  surroundings: { from: 2000, pause: [2000, 5000], deeds: ofSurroundings },
} satisfies Readonly<Record<string, Deck>>;

export type TrackName = keyof typeof decks;

export const trackNames = Object.keys(decks) as readonly TrackName[];
