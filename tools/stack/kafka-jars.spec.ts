import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeHalf } from './kafka-jars';

let folder: string;
beforeEach(() => (folder = join(mkdtempSync(join(tmpdir(), 'jars-')), 'kafka', 'libs-1')));
afterEach(() => rmSync(dirname(dirname(folder)), { recursive: true }));

/** As one looks whose maker was interrupted so long ago. */
function aLeftover(name: string, minutes: number): string {
  const leftover = join(dirname(folder), name);
  mkdirSync(leftover, { recursive: true });
  const then = Date.now() / 1000 - minutes * 60;
  utimesSync(leftover, then, then);
  return leftover;
}

it('makes an empty folder beside that which is to be, whether there is one already or not', () => {
  const halves = [makeHalf(folder), makeHalf(folder)];
  expect(new Set(halves.map(dirname))).toEqual(new Set([dirname(folder)]));
  expect(new Set(halves).size).toBe(2);
  expect(existsSync(folder)).toBe(false);
});

it('removes what interrupted ones have left, and nothing that may be under way, or is of another version', () => {
  const [left, underWay, other] = [
    aLeftover('libs-1.half-a', 61),
    aLeftover('libs-1.half-b', 59),
    aLeftover('libs-10.half-c', 61),
  ];
  const half = makeHalf(folder);
  expect([left, underWay, other, half].map((one) => existsSync(one))).toEqual([false, true, true, true]);
});
