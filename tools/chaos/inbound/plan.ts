import { between, pick, type Random, seeded } from '../../../apps/simulator/src/random';
import { type InboundItem, inboundNumbers, type InboundNumber, type InboundStatus } from './items';
import { type Placed, writeBody } from './write-body';
import {
  type Guise,
  type Scene,
  writeChange,
  writeMessage,
  writePreference,
  writeStatus,
} from './write-item';

/** Everything that is posted, in the order of time, all of it made of the seed. */
export type InboundPlan = readonly InboundBody[];

export type InboundBody = {
  /** Milliseconds from the start: not before. */
  readonly at: number;
  /** All of a person's bodies are one sender's, which posts them one after another. */
  readonly sender: number;
  readonly body: string;
  /** In the order of the text. None where the body is no JSON: it is to be a dead letter. */
  readonly items: readonly InboundItem[];
};

export type InboundPlanOptions = {
  readonly seed: number;
  readonly seconds: number;
  readonly itemsPerSecond?: number;
};

export const SENDERS = 16;
const PEOPLE = 200;
/** Of each sender's people, those who write most of what they all write. */
const TALKATIVE = 2;
const REPEATED = 0.05;
const NO_JSON = 0.004;
/**
 * By Meta's clock it is long ago, so that whatever our clocks do nothing comes from the future; and at the end of a month, since what is told
 * of a message in two months belongs together.
 */
const FIRST_SECOND = Date.UTC(2025, 0, 31, 23, 59, 45) / 1000;

/** The same seed makes the same plan, and a longer one begins as a shorter one. */
export function makeInboundPlan({ seed, seconds, itemsPerSecond = 60 }: InboundPlanOptions): InboundPlan {
  const random = seeded(seed);
  const writer = createWriter(random, seed);
  const bodies: InboundBody[] = [];
  for (let at = 0, index = 0; at < seconds * 1000; index++) {
    const sender = Math.floor(random() * SENDERS);
    const content = random() < NO_JSON ? cutOff(index) : writeBody(writer.next(sender, at));
    const first = { at: Math.round(at), sender, ...content };
    bodies.push(first);
    if (random() < REPEATED) bodies.push({ ...first, at: first.at + lasting(random, 50, 15_000) });
    at += (Math.max(1, first.items.length) / itemsPerSecond) * 1000;
  }
  // The sort keeps the order of what comes together.
  return bodies.filter(({ at }) => at < seconds * 1000).sort((a, b) => a.at - b.at);
}

function cutOff(index: number) {
  return { body: `{"object":"whatsapp_business_account","entry":[{"id":"${index}`, items: [] };
}

type Person = {
  readonly person: number;
  readonly phone: string;
  readonly userId: string;
  /** How often the phone and the user id are told. */
  readonly shows: { readonly phone: number; readonly userId: number };
  /** Of the last message. */
  clock: number;
  messages: number;
  /** By number: own messages, and those got from it, newest first. */
  readonly own: Map<string, string[]>;
  readonly got: Map<string, string[]>;
};

/** Before user ids, with both, with a username that hides the phone at times, and with one that always does. */
const guises = [
  { phone: 1, userId: 0 },
  { phone: 1, userId: 1 },
  { phone: 1, userId: 1 },
  { phone: 0.7, userId: 1 },
  { phone: 0, userId: 1 },
] as const;

function createWriter(random: Random, seed: number) {
  const people = Array.from({ length: PEOPLE }, (_, person) => aPerson(person));
  const waiting: (InboundStatus & { readonly dueAt: number })[][] = senders(() => []);
  const written: InboundItem[][] = senders(() => []);
  const changedAt = new Map<string, number>();
  let mark = 0;

  /** The items of a body: never one person in two guises. */
  function next(sender: number, at: number): Placed[] {
    const dressed = new Map<Person, Guise>();
    const dress = (person: Person) => {
      const guise = dressed.get(person) ?? guiseOf(random, person);
      dressed.set(person, guise);
      return guise;
    };
    const placed = Array.from({ length: sizeOf(random) }, () => anItem(sender, at, dress));
    written[sender]?.push(...placed.flatMap(({ item, isAlone }) => (isAlone ? [] : [item])));
    return placed;
  }

  function anItem(sender: number, at: number, dress: (person: Person) => Guise): Placed {
    const chance = random();
    const person = someone(sender);
    const number = numberOf(random, person);
    if (chance < 0.04) {
      const again = written[sender]?.at(-1 - Math.floor(random() * 50));
      if (again !== undefined) return { item: again, isAlone: true };
    }
    if (chance < 0.09) return { item: aChange(person, number, at, dress), isAlone: false };
    if (chance < 0.42) {
      if (random() < 0.5) beginDelivery(sender, person, number, at);
      const due = waiting[sender]?.findIndex(({ dueAt }) => dueAt <= at) ?? -1;
      const [status] = due === -1 ? [] : (waiting[sender]?.splice(due, 1) ?? []);
      if (status !== undefined) return { item: withoutDue(status), isAlone: false };
    }
    return { item: aMessage(person, number, at, dress(person)), isAlone: false };
  }

  function aMessage(person: Person, number: InboundNumber, at: number, guise: Guise) {
    const wamid = `wamid.inbound-${seed}-${++mark}`;
    person.clock = Math.max(person.clock + 1, secondOf(at));
    person.messages++;
    const message = writeMessage(sceneOf(person, number), guise, number, wamid, person.clock);
    remember(person.own, number, wamid);
    return message;
  }

  function aChange(person: Person, number: InboundNumber, at: number, dress: (person: Person) => Guise) {
    const { wabaId } = number;
    const time = Math.max((changedAt.get(wabaId) ?? 0) + 1, secondOf(at));
    changedAt.set(wabaId, time);
    mark++;
    if (random() < 0.3) return writePreference(random, dress(person), number, time);
    return writeChange(sceneOf(person, number), number, time);
  }

  /** Some other tool has sent a message; its statuses come in any order, and one of them, now and then, again with a later time. */
  function beginDelivery(sender: number, person: Person, number: InboundNumber, at: number): void {
    const wamid = `wamid.elsewhere-${seed}-${++mark}`;
    const guise = guiseOf(random, person);
    remember(person.got, number, wamid);
    const told = pick(random, deliveries).map((status, index) => ({ status, at: secondOf(at) + index }));
    const last = told.at(-1);
    if (last !== undefined && last.status !== 'sent' && random() < 0.1)
      told.push({ ...last, at: last.at + 5 });
    for (const one of told) {
      const dueAt = at + between(random, [0, 4000]);
      waiting[sender]?.push({ ...writeStatus(random, guise, number, { wamid, ...one }), dueAt });
    }
    waiting[sender]?.sort((a, b) => a.dueAt - b.dueAt);
  }

  function someone(sender: number): Person {
    const own = people.filter(({ person }) => person % SENDERS === sender);
    const some = random() < 0.6 ? own.slice(0, TALKATIVE) : own;
    return pick(random, some as [Person, ...Person[]]);
  }

  const sceneOf = ({ own, got }: Person, { phoneNumberId }: InboundNumber): Scene => ({
    ...{ random, mark },
    own: own.get(phoneNumberId) ?? [],
    got: got.get(phoneNumberId) ?? [],
  });

  return { next };
}

const deliveries = [
  ['sent', 'delivered', 'read'],
  ['sent', 'delivered', 'read'],
  ['sent', 'delivered'],
  ['sent', 'read'],
  ['sent', 'failed'],
  ['failed'],
  // Meta contradicts itself.
  ['sent', 'delivered', 'failed'],
] as const satisfies readonly (readonly InboundStatus['status'][])[] as unknown as [
  readonly InboundStatus['status'][],
];

const secondOf = (at: number) => FIRST_SECOND + Math.floor(at / 1000);
const lasting = (random: Random, from: number, to: number) => Math.round(between(random, [from, to]));
const senders = <T>(make: () => T) => Array.from({ length: SENDERS }, make);

function withoutDue({ dueAt: _, ...status }: InboundStatus & { readonly dueAt: number }): InboundStatus {
  return status;
}

function remember(wamids: Map<string, string[]>, { phoneNumberId }: InboundNumber, wamid: string): void {
  wamids.set(phoneNumberId, [wamid, ...(wamids.get(phoneNumberId) ?? [])].slice(0, 3));
}

/** Half of the bodies are of one item. */
function sizeOf(random: Random): number {
  return random() < 0.5 ? 1 : 2 + Math.floor(random() * 7);
}

function numberOf(random: Random, { person }: Person): InboundNumber {
  const home = inboundNumbers[person % inboundNumbers.length] ?? inboundNumbers[0];
  return random() < 0.8 ? home : pick(random, inboundNumbers);
}

function aPerson(person: number): Person {
  return {
    person,
    phone: `44770${1_000_000 + person}`,
    userId: `GB.${7_600_000_000_000_000 + person * 7919}`,
    shows: guises[Math.floor(person / SENDERS) % guises.length] ?? guises[0],
    ...{ clock: 0, messages: 0, own: new Map(), got: new Map() },
  };
}

const NAMES = ['Ana Souza', 'José "Pepe" Núñez', 'Priya 🌸', '李雷', 'Joe/Smith'] as const;

/** A name lasts for some messages. */
function guiseOf(random: Random, { person, phone, userId, shows, messages }: Person): Guise {
  const showsPhone = random() < shows.phone;
  return {
    person,
    phone: showsPhone ? phone : null,
    userId: shows.userId === 1 ? userId : null,
    name: `${NAMES[person % NAMES.length] ?? NAMES[0]} ${Math.floor(messages / 6)}`,
  };
}
