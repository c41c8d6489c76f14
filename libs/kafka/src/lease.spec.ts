import { Lease } from './lease';

describe('the lease on our partitions', () => {
  function aLease(): Lease {
    const lease = new Lease(10_000);
    lease.join();
    lease.answered('SyncGroup', 0, 1000);
    lease.joined();
    return lease;
  }

  it('holds for a part of the session timeout from when the request was sent whose success renews it', () => {
    const lease = aLease();
    expect([7999, 8000].map((now) => lease.holds(now))).toEqual([true, false]);
    lease.answered('Heartbeat', 50, 2050);
    expect(lease.holds(8000)).toBe(false);
    lease.confirmed();
    expect([8999, 9000].map((now) => lease.holds(now))).toEqual([true, false]);
  });

  it('does not hold because of an answer that was read after a freeze', () => {
    const lease = aLease();
    lease.answered('Heartbeat', 60_000, 62_000);
    lease.confirmed();
    expect(lease.holds(62_000)).toBe(false);
    expect(lease.isOver(62_000)).toBe(true);
  });

  it('does not hold while the group may be giving the partitions out anew, whatever it has still confirmed', () => {
    const lease = aLease();
    lease.join();
    lease.answered('Heartbeat', 0, 2000);
    lease.confirmed();
    expect([lease.holds(2001), lease.isOver(2001)]).toEqual([false, false]);
    lease.answered('SyncGroup', 0, 3000);
    lease.joined();
    expect(lease.holds(3000)).toBe(true);
  });

  it('counts what is confirmed while nobody goes on with a join', () => {
    const lease = aLease();
    lease.confirmed();
    expect(lease.confirmedInVain).toBe(0);
    lease.join();
    lease.confirmed();
    lease.confirmed();
    expect(lease.confirmedInVain).toBe(2);
    lease.joined();
    expect(lease.confirmedInVain).toBe(0);
  });

  it('does not grow because the wall clock was set back', () => {
    const lease = aLease();
    lease.answered('Heartbeat', -3_600_000, 2000);
    lease.confirmed();
    expect(lease.holds(9000)).toBe(false);
  });
});
