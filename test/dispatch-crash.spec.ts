import { type SendMessage } from '@talaria/contracts';
import { Client } from 'pg';
import {
  aCommand,
  commandIdOf,
  type DispatcherRig,
  type NewNumber,
  recordOf,
  startDispatcherRig,
  storyOf,
} from '../apps/dispatcher/testing/dispatcher-rig';
import { query } from '../tools/platform/database';
import { type Platform, startPlatform } from '../tools/platform/platform';
import { type Stack } from '../tools/stack/stack';
import { eventually, kafkaConfigOf, startOwnKafka, testDirectories, testLogger } from './kit';

/** How a command comes to its last attempt before the crash. */
const ways = ['at first', 'from a retry topic', 'from the backlog'] as const;
type Way = (typeof ways)[number];

/** One command of a matrix: what Meta answers to that attempt, and what must have become of it in the end. */
type Case = {
  readonly way: Way;
  readonly answer?: Readonly<Record<string, unknown>>;
  readonly onUnknown?: 'resend';
  readonly fate: 'accepted' | 'ambiguous' | 'permanent';
};

/** A case on its way. */
type Run = Case & { readonly command: SendMessage; readonly attempt: number };

const FILLERS = 10;
const SLOW = 300_000;

const settings = {
  KAFKA_SESSION_TIMEOUT: '6s',
  REGISTRY_POLL: '100ms',
  GRAPH_API_TIMEOUT: '12s',
  // Every retry goes through a retry topic. The first leaves time to prepare what the second attempt meets.
  RETRY_SCHEDULE: '12s 500ms 500ms 500ms',
  RETRY_SCHEDULE_UNAVAILABLE: '12s 500ms 500ms 500ms',
  RETRY_IN_LANE_MAX: '0ms',
  RETRY_JITTER_PERCENT: '0',
  UNKNOWN_CHECK_INTERVAL: '500ms',
  UNKNOWN_WAIT: '4s',
};

describe('a dispatcher killed with -9 at an exact moment', () => {
  let stack: Stack;
  let platform: Platform;
  let rig: DispatcherRig;
  /** Hold locks; connections of their own. */
  const holders: Client[] = [];
  let paused = 100_000;

  beforeAll(async () => {
    stack = await startOwnKafka();
    const directories = testDirectories('dispatch-crash');
    platform = await startPlatform({
      ...{ ...stack, name: 'test-dispatch-crash', directories, env: { dispatcher: settings } },
    });
    rig = await startDispatcherRig(platform, kafkaConfigOf(platform), testLogger);
  }, SLOW);

  afterEach(async () => {
    stack.brokers[0]?.resume();
    await Promise.all(holders.splice(0).map((holder) => holder.end()));
    await platform.simulator.removeFaults();
  });

  afterAll(async () => {
    await rig.close();
    await platform.stop();
    await stack.stop();
  }, SLOW);

  const sql = <Row extends object>(text: string, parameters: readonly unknown[] = []) =>
    query<Row>(platform.databaseUrl, text, parameters);

  const rowOf = async ({ command }: { readonly command: SendMessage }) => {
    const [row] = await sql<{ state: string; attempts: number; cause: string | null }>(
      `SELECT state, attempts, outcome ->> 'cause' AS cause FROM dispatch_commands WHERE command_id = $1`,
      [command.id],
    );
    return row;
  };

  const answerTo = (id: string, attempt: number, answer: Readonly<Record<string, unknown>>) =>
    platform.simulator.addFault({
      ...{ match: { callbackData: `talaria/${id}/${attempt}` }, times: null, answer },
    });

  /** Paused from the first that the dispatcher hears of it. */
  async function newPausedNumber(): Promise<NewNumber> {
    const id = String(paused++);
    const number = {
      ...{ phoneNumberId: `66${id}`, wabaId: `88${id}`, displayPhoneNumber: `+1666${id}` },
      ...{ accessToken: `paused-${id}`, messagesPerSecond: 80, pausedUntil: '2099-01-01' },
    };
    await platform.addNumber(number);
    return number;
  }

  const resume = ({ phoneNumberId }: NewNumber) =>
    sql('UPDATE phone_numbers SET paused_until = NULL WHERE phone_number_id = $1', [phoneNumberId]);

  /** Brings each case to the doorstep of its attempt; `go` lets those go that come at first or from the backlog. */
  async function prepare(cases: readonly Case[]): Promise<{ runs: Run[]; go: () => Promise<void> }> {
    const [number, sleeper] = [await rig.newNumber(), await newPausedNumber()];
    const runs = cases.map((one): Run => {
      const policy = one.onUnknown && { onUnknown: one.onUnknown };
      const command = aCommand(one.way === 'from the backlog' ? sleeper : number, { ...policy });
      return { ...one, command, attempt: one.way === 'from a retry topic' ? 2 : 1 };
    });
    const of = (way: Way) => runs.filter((run) => run.way === way);
    for (const { command, attempt, answer, fate } of runs) {
      if (attempt === 2) await answerTo(command.id, 1, { code: 131016 });
      if (answer !== undefined) await answerTo(command.id, attempt, answer);
      if (answer !== undefined && fate === 'permanent') await answerTo(command.id, attempt + 1, answer);
    }
    // What a paused lane holds in memory; the others are parked behind it.
    const fillers = Array.from({ length: FILLERS }, () => aCommand(sleeper, { campaignId: 'fillers' }));
    await rig.publish(fillers.map(recordOf));
    await eventually(async () =>
      expect(await rig.counter('talaria_dispatch_queued')).toBeGreaterThanOrEqual(FILLERS),
    );
    await rig.publish(of('from the backlog').map(({ command }) => recordOf(command)));
    await eventually(async () => expect(await rig.parked(sleeper)).toBe(of('from the backlog').length));
    await rig.cancelCampaign(sleeper, 'fillers');
    await eventually(async () => {
      for (const filler of fillers)
        expect(await rowOf({ command: filler })).toMatchObject({ state: 'cancelled' });
    });
    await rig.publish(of('from a retry topic').map(({ command }) => recordOf(command)));
    await eventually(async () => {
      for (const run of of('from a retry topic'))
        expect(await rowOf(run)).toMatchObject({ state: 'retrying', attempts: 1 });
    });
    return {
      runs,
      async go() {
        await rig.publish(of('at first').map(({ command }) => recordOf(command)));
        await resume(sleeper);
      },
    };
  }

  /** Nobody else can write this row of the ledger, which may not exist yet, until `letGo` was called. */
  async function holdRow({
    id,
    wabaId,
    phoneNumberId,
  }: SendMessage): Promise<{ letGo: () => Promise<void> }> {
    const holder = new Client({ connectionString: platform.databaseUrl });
    holders.push(holder);
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query(
      `INSERT INTO dispatch_commands (waba_id, command_id, phone_number_id, fingerprint, state, version, attempts, owner, claimed_at,
                                      source_topic, source_partition, source_offset)
       VALUES ($1, $2, $3, '', 'claimed', 0, 1, gen_random_uuid(), now(), '', 0, 0)
       ON CONFLICT (waba_id, command_id) DO UPDATE SET state = dispatch_commands.state`,
      [wabaId, id, phoneNumberId],
    );
    return { letGo: () => holder.query('ROLLBACK').then(() => undefined) };
  }

  /** A statement on the ledger of this kind waits for a row that somebody holds. */
  const untilBlocked = (statement: 'INSERT INTO' | 'UPDATE') =>
    eventually(async () => {
      const found = await sql(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1 AND query LIKE '%unnest%'`,
        [`${statement} dispatch_commands%`],
      );
      expect(found).toHaveLength(1);
    });

  const untilUnderWay = (count: number) =>
    eventually(async () => expect(await rig.counter('talaria_dispatch_in_flight')).toBe(count), 40_000);

  const sentOf = async () => {
    const sent = new Map<string | undefined, number>();
    for (const one of await platform.simulator.accepted())
      sent.set(commandIdOf(one), (sent.get(commandIdOf(one)) ?? 0) + 1);
    return sent;
  };

  /** One message or none, one fate, and the dead letter that belongs to it. */
  async function expectFates(runs: readonly Run[]): Promise<void> {
    await eventually(async () => {
      for (const run of runs) {
        const isAccepted = run.fate === 'accepted';
        const end = { state: isAccepted ? 'accepted' : 'dead-lettered', cause: isAccepted ? null : run.fate };
        expect({ ...run, row: await rowOf(run) }).toMatchObject({ row: end });
        const last = rig.eventsOf(run.command.id).at(-1);
        expect(last?.type).toBe(`whatsapp.dispatch.${end.state}.v1`);
        const causes = rig.deadLettersOf(recordOf(run.command).value).map((letter) => storyOf(letter).cause);
        expect([...new Set(causes)]).toEqual(isAccepted ? [] : [run.fate]);
      }
    }, 120_000);
    const sent = await sentOf();
    for (const { command, fate, way, answer } of runs) {
      const count = sent.get(command.id) ?? 0;
      expect({ way, answer, fate, count }).toEqual({ way, answer, fate, count: fate === 'accepted' ? 1 : 0 });
      const ends = rig
        .eventsOf(command.id)
        .filter(({ type }) => /accepted|dead-lettered|cancelled/.test(type));
      expect(ends).toHaveLength(1);
    }
  }

  const told = ({ command }: Run) =>
    rig.eventsOf(command.id).map(({ type }) => type.replace(/^whatsapp\.dispatch\.|\.v1$/g, ''));

  it(
    'claimed and not called: it is looked for, and sent again only where its policy says so',
    async () => {
      const { runs, go } = await prepare(
        ways.flatMap((way): Case[] => [
          { way, fate: 'ambiguous' },
          { way, onUnknown: 'resend', fate: 'accepted' },
        ]),
      );
      // While one claim waits, those that come after it gather for the next statement.
      const first = aCommand(await rig.newNumber());
      const ahead = await holdRow(first);
      await rig.publish([recordOf(first)]);
      await untilBlocked('INSERT INTO');
      await go();
      await untilUnderWay(runs.length + 1);
      const held = await holdRow(runs[0]!.command);
      await ahead.letGo();
      await eventually(async () => expect((await sentOf()).get(first.id)).toBe(1));
      await untilBlocked('INSERT INTO');
      await platform.apps.dispatcher.kill();
      await held.letGo();
      // Postgres has the statement of the one that is dead, and carries it out.
      await eventually(async () => {
        for (const run of runs)
          expect(await rowOf(run)).toMatchObject({ state: 'claimed', attempts: run.attempt });
      });
      await platform.apps.dispatcher.start();
      await expectFates(runs);
      for (const run of runs) expect(told(run)).toContain('unknown');
    },
    SLOW,
  );

  it(
    'during the call: what Meta took is found by its status, and what it did not take is not sent again unasked',
    async () => {
      const { runs, go } = await prepare(
        ways.flatMap((way): Case[] => [
          { way, answer: { hang: true, accept: true }, fate: 'accepted' },
          { way, answer: { hang: true, accept: true }, onUnknown: 'resend', fate: 'accepted' },
          { way, answer: { hang: true, accept: false }, fate: 'ambiguous' },
          { way, answer: { hang: true, accept: false }, onUnknown: 'resend', fate: 'accepted' },
        ]),
      );
      await eventually(async () => expect(await hanging()).toBe(4), 40_000);
      await go();
      await eventually(async () => expect(await hanging()).toBe(runs.length), 40_000);
      await platform.apps.dispatcher.kill();
      await platform.apps.dispatcher.start();
      await expectFates(runs);
    },
    SLOW,
  );

  const hanging = async () =>
    ((await platform.simulator.stats()) as unknown as { readonly hanging: number }).hanging;

  /** From here on, what is answered cannot be recorded. */
  async function blockSettlements(): Promise<{ letGo: () => Promise<void> }> {
    const first = aCommand(await rig.newNumber());
    await answerTo(first.id, 1, { delayMs: 4000 });
    await rig.publish([recordOf(first)]);
    await eventually(async () => expect(await rowOf({ command: first })).toMatchObject({ state: 'claimed' }));
    const held = await holdRow(first);
    await untilBlocked('UPDATE');
    return held;
  }

  /** Until Meta has answered each of them. */
  async function untilAnswered(runs: readonly Run[], refusedBefore: number): Promise<void> {
    await eventually(async () => {
      const sent = await sentOf();
      for (const { command, answer } of runs)
        expect(sent.get(command.id) ?? 0).toBe(answer === undefined ? 1 : 0);
      expect((await refused()) - refusedBefore).toBe(
        runs.filter(({ answer }) => answer !== undefined).length,
      );
    }, 40_000);
  }

  const refused = async () => {
    const { refused: counts } = await platform.simulator.stats();
    return (counts['131026'] ?? 0) + (counts['131000'] ?? 0);
  };

  it(
    'after the answer and before it is recorded: the same as if there had been none',
    async () => {
      const before = await refused();
      const { runs, go } = await prepare(
        ways.flatMap((way): Case[] => [
          { way, fate: 'accepted' },
          { way, answer: { code: 131026 }, fate: 'ambiguous' },
          // It is refused again, and now that is known.
          { way, answer: { code: 131026 }, onUnknown: 'resend', fate: 'permanent' },
        ]),
      );
      const held = await blockSettlements();
      await go();
      await untilAnswered(runs, before);
      await platform.apps.dispatcher.kill();
      for (const run of runs)
        expect(await rowOf(run)).toMatchObject({ state: 'claimed', attempts: run.attempt });
      await held.letGo();
      await platform.apps.dispatcher.start();
      await expectFates(runs);
    },
    SLOW,
  );

  it(
    'after the answer was recorded and before anything was told of it: it is told, and nothing is in doubt',
    async () => {
      const before = await refused();
      const { runs, go } = await prepare(
        ways.flatMap((way): Case[] => [
          { way, fate: 'accepted' },
          { way, answer: { code: 131026 }, fate: 'permanent' },
          { way, answer: { code: 131000 }, fate: 'accepted' },
        ]),
      );
      const held = await blockSettlements();
      await go();
      await untilAnswered(runs, before);
      stack.brokers[0]!.pause();
      await held.letGo();
      await eventually(async () => {
        for (const run of runs) expect((await rowOf(run))?.state).not.toBe('claimed');
      });
      await platform.apps.dispatcher.kill();
      stack.brokers[0]!.resume();
      for (const run of runs) expect(told(run)).not.toContain('accepted');
      await platform.apps.dispatcher.start();
      await expectFates(runs);
      for (const run of runs) expect(told(run)).not.toContain('unknown');
    },
    SLOW,
  );
});
