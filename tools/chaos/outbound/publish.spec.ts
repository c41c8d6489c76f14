import { MAX_ON_THEIR_WAY, roomOf } from './publish';

describe('what a product may have on its way', () => {
  const sayAll = (room: ReturnType<typeof roomOf>, count: number) => {
    for (let index = 0; index < count; index++) room.ids.add(`command-${index}`);
  };

  it('is not looked for while it is little, and full when nothing has ended', async () => {
    const endedOf = jest.fn().mockResolvedValue(new Map());
    const room = roomOf('1', endedOf);
    sayAll(room, MAX_ON_THEIR_WAY - 1);
    expect(await room.isLeft()).toBe(true);
    expect(endedOf).not.toHaveBeenCalled();
    room.ids.add('one more');
    expect(await room.isLeft()).toBe(false);
  });

  it('is less when commands of its own account have ended, and as it was when that is not known', async () => {
    const endedOf = jest.fn();
    const room = roomOf('1', endedOf);
    sayAll(room, MAX_ON_THEIR_WAY);
    endedOf.mockResolvedValueOnce(new Map([['2', 5]])).mockRejectedValueOnce(new Error('Postgres is away'));
    expect(await room.isLeft()).toBe(false);
    expect(await room.isLeft()).toBe(false);
    endedOf.mockResolvedValueOnce(new Map([['1', 1]]));
    expect(await room.isLeft()).toBe(true);
  });
});
