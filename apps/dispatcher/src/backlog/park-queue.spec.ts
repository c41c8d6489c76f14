import { eventually } from '../../../../test/kit/eventually';
import { testLogger } from '../../../../test/kit/logger';
import { type Parking } from './backlog-table';
import { createParkQueue } from './park-queue';
import { recipientKey } from './tails';

let offset = 0;

function aParking(recipient = '+15550', bytes = 100): Parking {
  const record = {
    ...{ topic: 'whatsapp.outbound', partition: 0, offset: offset++, timestamp: 0, key: null },
    ...{ value: Buffer.alloc(bytes), headers: {} },
  };
  return {
    ...{ record, position: record.offset, phoneNumberId: '100', priority: 'campaign', wabaId: '900' },
    ...{ commandId: `c${record.offset}`, campaignId: undefined, recipient },
  };
}

function rig(park: (parkings: readonly Parking[]) => Promise<void> = () => Promise.resolve()) {
  const lost = new AbortController();
  const written: Parking[] = [];
  const queue = createParkQueue(
    async (parkings) => {
      await park(parkings);
      written.push(...parkings);
    },
    lost.signal,
    testLogger,
  );
  return { queue, written, lost };
}

it('writes in the order of the calls, and tells of each call when it and all before it are written', async () => {
  const { queue, written } = rig();
  const all = Array.from({ length: 5000 }, () => aParking());
  const told: number[] = [];
  for (let from = 0; from < all.length; from += 500)
    queue.add(all.slice(from, from + 500), () => void told.push(written.length));
  queue.add([], () => void told.push(written.length));
  await eventually(() => expect(told).toHaveLength(11));
  expect(written).toEqual(all);
  told.forEach((count, index) => expect(count).toBeGreaterThanOrEqual(Math.min(5000, (index + 1) * 500)));
});

it('with nothing on its way, nothing to write is told at once', () => {
  const told = jest.fn();
  rig().queue.add([], told);
  expect(told).toHaveBeenCalledTimes(1);
});

it('forgets nothing that is added at whatever moment after it had come to its end', async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { queue, written } = rig();
    const second = aParking();
    const later = async () => {
      for (let n = 0; n < turns; n++) await Promise.resolve();
      queue.add([second], () => undefined);
    };
    queue.add([aParking()], () => void later());
    await eventually(() => expect(written).toContain(second));
  }
});

it('knows the priority of what is on its way to a recipient, and of nothing else', async () => {
  const { queue, written } = rig();
  const key = (recipient: string) => recipientKey({ lane: '100', recipient });
  queue.add([aParking('+1'), aParking('+1')], () => undefined);
  expect([queue.priorityFor(key('+1')), queue.priorityFor(key('+2'))]).toEqual(['campaign', undefined]);
  await eventually(() => expect(written).toHaveLength(2));
  await eventually(() => expect(queue.priorityFor(key('+1'))).toBeUndefined());
});

it.each([
  ['many commands', 50_000, 1],
  ['large commands', 80, 512 * 1024],
])('has no room for more beyond too %s, until half of that is written', async (_, count, bytes) => {
  let release: () => void = () => undefined;
  const { queue, lost } = rig(() => new Promise((resolve) => (release = resolve)));
  expect(queue.room()).toBeUndefined();
  for (let n = 0; n < count; n += 40)
    queue.add(
      Array.from({ length: 40 }, () => aParking('+1', bytes)),
      () => undefined,
    );
  const room = queue.room();
  expect(room).toBeDefined();
  let hasRoom = false;
  void room?.then(() => (hasRoom = true));
  await eventually(() => {
    release();
    expect(hasRoom).toBe(true);
  });
  expect(queue.room()).toBeUndefined();
  lost.abort();
});

it('tries again what could not be written, and gives up when the partition is lost', async () => {
  let faults = 1;
  const { queue, written, lost } = rig(() => {
    if (faults-- > 0) throw new Error('away');
    return Promise.resolve();
  });
  const told = jest.fn();
  queue.add([aParking()], told);
  await eventually(() => expect(told).toHaveBeenCalledTimes(1));
  lost.abort();
  queue.add([aParking()], told);
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toHaveLength(1);
});
