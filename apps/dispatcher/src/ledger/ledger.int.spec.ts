import { randomUUID } from 'node:crypto';
import { addMonths, inTransaction, schemaOf, type Sql, sqlOf } from '@talaria/database';
import { testDatabase, type TestDatabase } from '../../../../test/kit';
import { type Claim, createLedger, type Ledger, type Outcome, type Settlement } from './ledger';

let database: TestDatabase;
let sql: Sql;
let ledger: Ledger;
const us = randomUUID();

beforeAll(async () => {
  database = await testDatabase();
  sql = sqlOf(database.dataSource);
  ledger = createLedger(sql, us);
}, 60_000);

afterAll(() => database.close());

const source = (offset: number) => ({ topic: 'whatsapp.outbound', partition: 1, offset });

function aClaim(fields: Partial<Claim> = {}): Claim {
  const fingerprint = Buffer.from('contents');
  return {
    ...{ wabaId: '900', commandId: randomUUID(), phoneNumberId: '100', fingerprint, source: source(1) },
    ...fields,
  };
}

const outcomes = {
  accepted: { state: 'accepted', at: '2026-01-01T00:00:00.000Z', wamid: 'wamid.1' },
  retrying: {
    state: 'retrying',
    at: '2026-01-01T00:00:00.001Z',
    error: { class: 'transient', message: 'away' },
  },
  unknown: {
    state: 'unknown',
    at: '2026-01-01T00:00:00.002Z',
    error: { class: 'ambiguous', message: 'reset' },
  },
} as const satisfies Record<string, Outcome>;

function settlementOf(claim: Claim, outcome: Outcome, fields: Partial<Settlement> = {}): Settlement {
  const { wabaId, commandId } = claim;
  return {
    wabaId,
    commandId,
    source: claim.source,
    claimedAttempt: 1,
    attempts: 1,
    outcome,
    isTold: true,
    ...fields,
  };
}

const kindsOf = (all: readonly { kind: string }[]) => all.map(({ kind }) => kind).sort();

async function rowOf(claim: Claim, through = ledger) {
  const claimed = await through.claim(claim);
  if (claimed.kind !== 'taken') throw new Error(`it was ${claimed.kind}`);
  return claimed.row;
}

describe('claims', () => {
  it('of the same command: only one of many wins, in this process and in others', async () => {
    const claim = aClaim();
    const others = Array.from({ length: 5 }, () => createLedger(sql, randomUUID()));
    const all = await Promise.all(
      [ledger, ...others].flatMap((one) => [1, 2, 3].map(() => one.claim(claim))),
    );
    expect(all.filter(({ kind }) => kind === 'claimed')).toEqual([
      { kind: 'claimed', attempt: 1, attemptsBefore: 0 },
    ]);
  });

  it('of the same command in one statement: the first counts, the others are told to come again', async () => {
    const [claim, other] = [aClaim(), aClaim()];
    // The first call leaves alone; those that come meanwhile share a statement.
    const all = await Promise.all([aClaim(), claim, other, claim].map((one) => ledger.claim(one)));
    expect(kindsOf(all)).toEqual(['busy', 'claimed', 'claimed', 'claimed']);
  });

  it('of ids that are equal in different WABAs are different commands', async () => {
    const commandId = randomUUID();
    const all = await Promise.all(
      [aClaim({ commandId }), aClaim({ commandId, wabaId: '901' })].map((one) => ledger.claim(one)),
    );
    expect(kindsOf(all)).toEqual(['claimed', 'claimed']);
  });

  it('of a settled command never succeed again', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    expect(await ledger.settle(settlementOf(claim, outcomes.accepted))).toBe(1);
    expect(await rowOf(claim)).toMatchObject({
      state: 'accepted',
      version: 1,
      outcome: outcomes.accepted,
      source: claim.source,
    });
  });

  it('of a command that is to be retried count the attempts', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    await ledger.settle(settlementOf(claim, outcomes.retrying));
    expect(await ledger.claim(claim)).toMatchObject({ kind: 'claimed', attempt: 2 });
  });

  it('of an id that belongs to other contents never succeed, and change nothing', async () => {
    const claim = aClaim();
    const other = { ...claim, fingerprint: Buffer.from('other contents') };
    await ledger.claim(claim);
    expect(await ledger.claim(other)).toEqual({ kind: 'conflict' });
    await ledger.settle(settlementOf(claim, outcomes.retrying));
    // Free to be tried, but not by whoever has only the id.
    expect(await ledger.claim(other)).toEqual({ kind: 'conflict' });
    expect(await ledger.claim(claim)).toMatchObject({ kind: 'claimed', attempt: 2 });
    await ledger.settle(settlementOf(claim, outcomes.accepted, { claimedAttempt: 2, attempts: 2 }));
    expect(await ledger.claim(other)).toEqual({ kind: 'conflict' });
    expect(await rowOf(claim)).toMatchObject({ state: 'accepted', version: 2, attempts: 2 });
  });

  it('tell whose claim it is and how old', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    expect(await rowOf(claim)).toMatchObject({ state: 'claimed', isMine: true, owner: us });
    const seen = await rowOf(claim, createLedger(sql, randomUUID()));
    expect(seen).toMatchObject({ isMine: false, owner: us });
    expect(seen.claimedMsAgo).toBeLessThan(5000);
    await sql(`UPDATE dispatch_commands SET claimed_at = now() - interval '1 hour' WHERE command_id = $1`, [
      claim.commandId,
    ]);
    expect((await rowOf(claim)).claimedMsAgo).toBeGreaterThan(3_599_000);
  });

  it('are given back by their owner alone, and claimed again as the same attempt', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    const next = createLedger(sql, randomUUID());
    await next.release(claim);
    expect(await next.claim(claim)).toMatchObject({ kind: 'taken', row: { state: 'claimed', attempts: 1 } });
    await ledger.release(claim);
    expect(await next.claim(claim)).toEqual({ kind: 'claimed', attempt: 1, attemptsBefore: 0 });
    await ledger.release(claim);
    expect(await ledger.claim(claim)).toMatchObject({ kind: 'taken', row: { state: 'claimed' } });
    const settled = settlementOf(claim, outcomes.accepted);
    await next.settle(settled);
    await next.release(claim);
    expect(await next.claim(claim)).toMatchObject({ kind: 'taken', row: { state: 'accepted', attempts: 1 } });
  });
});

describe('settling', () => {
  it('a throttled attempt spends none and tells nothing', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    expect(await ledger.settle(settlementOf(claim, outcomes.retrying, { attempts: 0, isTold: false }))).toBe(
      0,
    );
    expect(await ledger.claim(claim)).toMatchObject({ kind: 'claimed', attempt: 1 });
  });

  it('again, because the answer was lost, changes nothing and answers the same', async () => {
    for (const outcome of Object.values(outcomes)) {
      const claim = aClaim();
      await ledger.claim(claim);
      expect(await ledger.settle(settlementOf(claim, outcome))).toBe(1);
      expect(await ledger.settle(settlementOf(claim, outcome))).toBe(1);
    }
  });

  it('by an attempt that is over changes nothing', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    await ledger.settle(settlementOf(claim, outcomes.retrying));
    await ledger.claim(claim);
    expect(await ledger.settle(settlementOf(claim, outcomes.accepted))).toBeUndefined();
    expect(await rowOf(claim)).toMatchObject({ state: 'claimed', attempts: 2, version: 1 });
  });

  it('an attempt of the same number that another process claimed since changes nothing', async () => {
    const claim = aClaim();
    const throttled = settlementOf(claim, outcomes.retrying, { attempts: 0, isTold: false });
    await ledger.claim(claim);
    await ledger.settle(throttled);
    expect(await createLedger(sql, randomUUID()).claim(claim)).toMatchObject({ kind: 'claimed', attempt: 1 });
    expect(await ledger.settle(throttled)).toBeUndefined();
    expect(await rowOf(claim)).toMatchObject({ state: 'claimed', isMine: false });
  });

  it('as unknown what another process left, does not stand in its way when it comes back', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    const successor = createLedger(sql, randomUUID());
    const found = settlementOf(claim, outcomes.unknown, { owner: us, source: source(2) });
    expect(await successor.settle(found)).toBe(1);
    expect((await rowOf(claim)).source).toEqual(source(2));
    expect(await ledger.settle(settlementOf(claim, { ...outcomes.unknown, at: 'later' }))).toBeUndefined();
    expect(await ledger.settle(settlementOf(claim, outcomes.accepted))).toBe(2);
  });

  it('many at once answers each its own', async () => {
    const claims = Array.from({ length: 700 }, () => aClaim());
    const claimed = await Promise.all(claims.map((claim) => ledger.claim(claim)));
    expect(new Set(kindsOf(claimed))).toEqual(new Set(['claimed']));
    const stale = new Set(claims.filter((_, index) => index % 3 === 0));
    const versions = await Promise.all(
      claims.map((claim) =>
        ledger.settle(settlementOf(claim, outcomes.accepted, { claimedAttempt: stale.has(claim) ? 7 : 1 })),
      ),
    );
    expect(versions).toEqual(claims.map((claim) => (stale.has(claim) ? undefined : 1)));
  });
});

describe('a command that was dead-lettered', () => {
  const deadLettered: Outcome = {
    state: 'dead-lettered',
    at: '2026-01-01T00:00:00.003Z',
    cause: 'exhausted',
  };

  async function aDeadOne(): Promise<Claim> {
    const claim = aClaim();
    await ledger.claim(claim);
    await ledger.settle(settlementOf(claim, deadLettered));
    return claim;
  }

  /** A dead letter of the command that a re-drive has taken, as the table has it. */
  async function redrive({ wabaId, commandId }: Claim, correction?: object, cause = 'exhausted') {
    const [{ redrive: redriveId, letter: letterId } = { redrive: 0, letter: 0 }] = await sql<{
      redrive: number;
      letter: number;
    }>(
      `WITH r AS (INSERT INTO redrives (begun_by, reason, filter, correction, per_second, letters, causes)
                  VALUES ('spec', 'spec', '{}', $3, 1, 1, '{}') RETURNING id),
            l AS (INSERT INTO dead_letters (topic, partition, record_offset, record_timestamp, dead_at, cause, waba_id, command_id, headers, state, redrive)
                  SELECT 'spec', 0, id, 0, now(), $4, $1, $2, '{}', 'redriven', id FROM r RETURNING id)
       SELECT r.id::integer AS redrive, l.id::integer AS letter FROM r, l`,
      [wabaId, commandId, correction && JSON.stringify(correction), cause],
    );
    return { redriveId, letterId };
  }

  it('is claimed once for a re-drive of its letter; its attempts go on, and their budget begins anew', async () => {
    const claim = await aDeadOne();
    const redriven = await redrive(claim);
    expect((await ledger.claim(claim)).kind).toBe('taken');
    const again = { ...claim, redriven, source: source(2) };
    expect(await ledger.claim(again)).toEqual({ kind: 'claimed', attempt: 2, attemptsBefore: 1 });
    await ledger.settle(settlementOf(again, outcomes.retrying, { claimedAttempt: 2, attempts: 2 }));
    expect(await ledger.claim(again)).toEqual({ kind: 'claimed', attempt: 3, attemptsBefore: 1 });
    await ledger.settle(settlementOf(again, deadLettered, { claimedAttempt: 3, attempts: 3 }));
    // The tool was killed between sending and noting it, and has sent it once more.
    expect((await ledger.claim({ ...again, source: source(3) })).kind).toBe('taken');
    expect(await ledger.claim({ ...claim, redriven: await redrive(claim) })).toEqual({
      ...{ kind: 'claimed', attempt: 4, attemptsBefore: 3 },
    });
  });

  it('is not claimed for an earlier re-drive than the last', async () => {
    const claim = await aDeadOne();
    const [earlier, later] = [await redrive(claim), await redrive(claim)];
    const again = { ...claim, redriven: later };
    await ledger.claim(again);
    await ledger.settle(settlementOf(again, deadLettered, { claimedAttempt: 2, attempts: 2 }));
    expect((await ledger.claim({ ...claim, redriven: earlier })).kind).toBe('taken');
  });

  it('is not claimed for a re-drive that began before it was given up once more', async () => {
    const claim = await aDeadOne();
    const [first, second] = [await redrive(claim), await redrive(claim)];
    const again = { ...claim, redriven: first };
    await ledger.claim(again);
    await ledger.settle(settlementOf(again, deadLettered, { claimedAttempt: 2, attempts: 2 }));
    expect((await ledger.claim({ ...claim, redriven: second })).kind).toBe('taken');
  });

  it('as ambiguous is claimed only for a letter that says so', async () => {
    const claim = aClaim();
    await ledger.claim(claim);
    await ledger.settle(settlementOf(claim, { ...deadLettered, cause: 'ambiguous' }));
    expect((await ledger.claim({ ...claim, redriven: await redrive(claim) })).kind).toBe('taken');
    const redriven = await redrive(claim, undefined, 'ambiguous');
    expect((await ledger.claim({ ...claim, redriven })).kind).toBe('claimed');
  });

  it('is claimed by nobody who only writes the header', async () => {
    const [claim, other] = [await aDeadOne(), await aDeadOne()];
    const redriven = await redrive(claim);
    const invented = [
      { redriveId: redriven.redriveId + 1, letterId: redriven.letterId },
      { redriveId: redriven.redriveId, letterId: redriven.letterId + 1 },
      { redriveId: 999_999_999_999_999, letterId: 999_999_999_999_999 },
    ];
    for (const one of invented) expect((await ledger.claim({ ...claim, redriven: one })).kind).toBe('taken');
    expect((await ledger.claim({ ...other, redriven })).kind).toBe('taken');
    expect((await ledger.claim({ ...claim, wabaId: '901', redriven })).kind).toBe('claimed');
    expect((await ledger.claim({ ...claim, redriven })).kind).toBe('claimed');
  });

  it('has other contents only after a re-drive that corrects them', async () => {
    const claim = await aDeadOne();
    const corrected = { ...claim, fingerprint: Buffer.from('corrected'), phoneNumberId: '101' };
    expect(await ledger.claim({ ...corrected, redriven: await redrive(claim) })).toEqual({
      kind: 'conflict',
    });
    const redriven = await redrive(claim, { message: {} });
    expect(await ledger.claim({ ...corrected, redriven })).toMatchObject({ kind: 'claimed', attempt: 2 });
    await ledger.settle(settlementOf(corrected, deadLettered, { claimedAttempt: 2, attempts: 2 }));
    expect(await ledger.claim({ ...claim, redriven })).toEqual({ kind: 'conflict' });
    expect((await ledger.claim({ ...corrected, redriven })).kind).toBe('taken');
  });

  it('stays what it became when it was accepted meanwhile, or is under way', async () => {
    const claim = await aDeadOne();
    const first = { ...claim, redriven: await redrive(claim) };
    await ledger.claim(first);
    const second = { ...claim, redriven: await redrive(claim) };
    expect(await rowOf(second)).toMatchObject({ state: 'claimed', attempts: 2 });
    await ledger.settle(settlementOf(first, outcomes.accepted, { claimedAttempt: 2, attempts: 2 }));
    expect(await rowOf(second)).toMatchObject({ state: 'accepted', outcome: outcomes.accepted });
  });
});

describe('a command whose outcome is unknown', () => {
  async function anUnknown() {
    const claim = aClaim();
    await ledger.claim(claim);
    await ledger.settle(settlementOf(claim, outcomes.unknown));
    return claim;
  }

  it('is not claimed, and tells for how long, whatever the clock of this machine says', async () => {
    const claim = await anUnknown();
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    try {
      const { unknownMsAgo } = await rowOf(claim);
      expect(unknownMsAgo).toBeGreaterThanOrEqual(0);
      expect(unknownMsAgo).toBeLessThan(60_000);
    } finally {
      clock.mockRestore();
    }
  });

  it('is claimed once more when that is allowed, and then waits anew', async () => {
    const claim = await anUnknown();
    await sql(
      `UPDATE dispatch_commands SET unknown_since = now() - interval '1 hour' WHERE command_id = $1`,
      [claim.commandId],
    );
    await ledger.allowResend(claim, 1);
    expect(await ledger.claim(claim)).toMatchObject({ kind: 'claimed', attempt: 2 });
    await ledger.settle(
      settlementOf(claim, { ...outcomes.unknown, at: 'later' }, { claimedAttempt: 2, attempts: 2 }),
    );
    expect((await rowOf(claim)).unknownMsAgo).toBeLessThan(60_000);
    // Who looked before the resend knows nothing of it.
    await ledger.allowResend(claim, 1);
    expect(await rowOf(claim)).toMatchObject({ state: 'unknown', attempts: 2 });
  });

  it('is found by a status that carries its id, of its own WABA', async () => {
    const claim = await anUnknown();
    expect(await ledger.findByStatus(claim, 0)).toBeUndefined();
    await inTransaction(database.dataSource, async (project) => {
      await project(`SET LOCAL search_path TO ${schemaOf(1)}`);
      await addMonths(project, ['2026-06-01']);
      for (const [wabaId, wamid] of [
        ['999', 'wamid.other'],
        ['900', 'wamid.own'],
      ]) {
        const values = [wamid, wabaId, claim.commandId];
        await project(
          `INSERT INTO messages (phone_number_id, wamid, month, arrived_at, direction, waba_id, command_id)
           VALUES ('100', $1, '2026-06-01', now(), 'outbound', $2, $3)`,
          values,
        );
        await project(
          `INSERT INTO message_statuses (phone_number_id, wamid, month, status, participant, waba_id, status_at, command_id, attempt, item)
           VALUES ('100', $1, '2026-06-01', 'sent', '-', $2, now(), $3, 1, '')`,
          values,
        );
        await project(`UPDATE messages SET sent_at = now() WHERE wamid = $1`, [wamid]);
      }
    });
    expect(await ledger.findByStatus(claim, 0)).toBe('wamid.own');
    expect(await ledger.findByStatus(claim, 1)).toBe('wamid.own');
    await sql(`UPDATE ${schemaOf(1)}.messages SET failed_at = now() WHERE wamid = 'wamid.own'`);
    expect(await ledger.findByStatus(claim, 0)).toBe('wamid.own');
    expect(await ledger.findByStatus(claim, 1)).toBeUndefined();
  });
});
