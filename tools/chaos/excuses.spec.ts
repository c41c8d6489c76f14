import { type Fault } from './nemesis/nemesis';
import { type Step } from './nemesis/plan';
import { deathsOf, heldOf } from './excuses';

const fault = (step: object, from: number, until: number): Fault => ({
  step: { at: 0, ms: 0, ...step } as unknown as Step,
  ...{ from, until },
});
const spansOf = (faults: readonly Fault[]) => deathsOf(faults).map(({ from, until }) => [from, until]);

it('a dispatcher that is killed, frozen or cut off has left what was under way; another process has not', () => {
  const faults = ['killed', 'frozen'].flatMap((kind) => [
    fault({ kind, process: 'dispatcher-2' }, 1, 2),
    fault({ kind, process: 'processor' }, 3, 4),
  ]);
  const ways = ['dispatcher', 'ingestion'].map((from) =>
    fault({ kind: 'network', from, to: 'postgres', fault: { kind: 'half-open' } }, 5, 6),
  );
  expect(spansOf([...faults, ...ways])).toEqual([
    [1, 2],
    [1, 2],
    [5, 6],
  ]);
});

it('a call may vanish on a connection to Meta that was half-open before, for as long as it is kept', () => {
  const ways = ['half-open', 'slow'].map((kind) =>
    fault({ kind: 'network', from: 'dispatcher-2', to: 'simulator', fault: { kind } }, 5, 6),
  );
  expect(spansOf(ways)).toEqual([
    [5, 30_006],
    [5, 6],
  ]);
});

it('one that ends in good order has left nothing, but while the database or the brokers are away', () => {
  const ends = [
    fault({ kind: 'rolled' }, 10, 20),
    fault({ kind: 'stopped', process: 'dispatcher' }, 30, 40),
    fault({ kind: 'stopped', process: 'ingestion' }, 30, 40),
    fault({ kind: 'scaled-up', app: 'dispatcher' }, 50, 60),
    fault({ kind: 'scaled-up', app: 'processor' }, 50, 60),
  ];
  expect(spansOf(ends)).toEqual([]);
  const away = [
    fault({ kind: 'postgres-killed' }, 15, 35),
    fault({ kind: 'postgres-frozen' }, 21, 29),
    fault({ kind: 'ledger-locked' }, 52, 54),
    fault({ kind: 'brokers-lost' }, 56, 58),
    fault({ kind: 'leaders-moved' }, 59, 60),
  ];
  expect(spansOf([...ends, ...away])).toEqual([
    [15, 20],
    [30, 35],
    [52, 54],
    [56, 58],
  ]);
});

it('a webhook may be held up while a way to an ingestion is hurt', () => {
  const way = { kind: 'network', fault: { kind: 'half-open', direction: 'to-server' } } as const;
  const held = fault({ ...way, from: 'door', to: 'ingestion' }, 1, 2);
  const others = [
    fault({ ...way, from: 'simulator', to: 'door' }, 1, 2),
    fault({ kind: 'frozen', process: 'ingestion' }, 3, 4),
  ];
  expect(heldOf([held, ...others])).toEqual([held]);
});
