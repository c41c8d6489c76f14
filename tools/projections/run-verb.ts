import { setTimeout as delay } from 'node:timers/promises';
import {
  beginRebuild,
  type Comparison,
  compareProjections,
  dropProjection,
  listProjections,
  monthsBefore,
  promoteProjection,
  readProgress,
  retainMonths,
  rollBackProjection,
  sqlOf,
  sumProjection,
} from '@talaria/database';
import { type KafkaConfig } from '@talaria/kafka';
import { type DataSource } from 'typeorm';
import { type ProjectionsArguments } from './arguments';
import { deleteGroup, readLogEnds } from './kafka-side';
import { tableOf } from '../setup/table';
import { statusOf, statusTable, type VersionStatus } from './progress';

export type Surroundings = {
  readonly dataSource: DataSource;
  readonly kafka: KafkaConfig | undefined;
  /** The answer. */
  readonly print: (line: string) => void;
  /** What happens meanwhile. */
  readonly say: (line: string) => void;
};

const LOOK_EVERY_MS = 1000;

/** @returns the exit code */
export async function runVerb(
  asked: Exclude<ProjectionsArguments, { verb: 'help' }>,
  around: Surroundings,
): Promise<number> {
  const { dataSource, say } = around;
  const answer = (value: unknown, text: string) => around.print(asked.json ? JSON.stringify(value) : text);
  switch (asked.verb) {
    case 'status':
      do {
        const all = await look(around);
        answer(all, statusTable(all));
      } while (asked.watch);
      return 0;
    case 'rebuild': {
      const { version, isNew } = await beginRebuild(dataSource);
      say(isNew ? `Version ${version} is being built.` : `Version ${version} is being built already.`);
      if (asked.detach) answer({ version, isNew }, `See how far it is with: npm run projections -- status`);
      else {
        const status = await untilCaughtUp(around, version);
        answer(
          status,
          `Version ${version} has caught up. Go on with: npm run projections -- compare, then promote`,
        );
      }
      return 0;
    }
    case 'compare': {
      const [one, other] = asked.versions ?? (await liveAndOther(dataSource));
      const comparison = await compareProjections(dataSource, one, other);
      answer(comparison, comparisonText(comparison));
      return comparison.tables.every(({ equal }) => equal) ? 0 : 1;
    }
    case 'checksum': {
      const version = asked.version ?? (await liveVersion(dataSource));
      const tables = await sumProjection(dataSource, version);
      const rows = tables.map(({ table, rows: count, checksum }) => [table, count, checksum]);
      answer({ version, tables }, tableOf(['table', 'rows', 'checksum'], rows));
      return 0;
    }
    case 'promote':
    case 'rollback': {
      const promotion =
        asked.verb === 'promote'
          ? await promoteProjection(dataSource, asked.version, { say })
          : await rollBackProjection(dataSource, { say });
      answer(
        promotion,
        `Readers see version ${promotion.to}, and events are told from it. Version ${promotion.from} is kept up to date: npm run projections -- rollback goes back to it.`,
      );
      return 0;
    }
    case 'drop': {
      const { version } = asked;
      await dropProjection(dataSource, version, { stopped: () => untilStopped(around, version) });
      answer({ version }, `Version ${version} is gone.`);
      return 0;
    }
    case 'retain': {
      const { months, drop, dryRun } = asked;
      const done = await retainMonths(dataSource, monthsBefore(months, new Date()), { drop, dryRun });
      const rows = done.versions.map((one) => [
        one.version,
        one.detached.length,
        one.dropped.length,
        one.messageIds,
        one.commands,
      ]);
      const table = tableOf(['version', 'detached', 'dropped', 'message ids', 'commands'], rows);
      const kept = dryRun
        ? `Would keep everything from ${done.keptFrom} on, and let go:`
        : `Everything from ${done.keptFrom} on is kept. Let go:`;
      answer(done, `${kept}\n${table}`);
      return 0;
    }
  }
}

/** Two looks, a second apart. */
async function look({ dataSource, kafka, say }: Surroundings): Promise<VersionStatus[]> {
  const sql = sqlOf(dataSource);
  const before = await readProgress(sql);
  const begunAt = performance.now();
  const [ends] = await Promise.all([
    kafka &&
      readLogEnds(kafka).catch((error: unknown) => {
        say(
          `Kafka does not tell where its topics end: ${error instanceof Error ? error.message : String(error)}`,
        );
        return undefined;
      }),
    delay(LOOK_EVERY_MS),
  ]);
  return statusOf(before, await readProgress(sql), performance.now() - begunAt, ends);
}

/** Shows how far it is until it has what the live version has. */
async function untilCaughtUp(around: Surroundings, version: number): Promise<VersionStatus> {
  around.say('Ctrl-C ends only this display: the processors go on building it.');
  for (;;) {
    const status = (await look(around)).find((one) => one.version === version);
    if (status === undefined) throw new Error(`version ${version} was dropped meanwhile`);
    const { records, behindLive, perSecond, secondsLeft, state } = status;
    if (behindLive === 0 || state === 'live') return status;
    const left = secondsLeft === undefined ? '' : `, about ${secondsLeft} s left`;
    around.say(`${records} records, ${behindLive} behind, ${perSecond} a second${left}`);
  }
}

/** Best effort: without Kafka the rows go while a processor may still look for them, and says so in its log. */
async function untilStopped({ kafka, say }: Surroundings, version: number): Promise<void> {
  if (kafka === undefined) {
    say('KAFKA_BROKERS is not set: the consumer group of this version stays.');
    return;
  }
  const isGone = await deleteGroup(kafka, version).catch(() => false);
  if (!isGone)
    say(
      'The consumer group of this version could not be removed; a version of this number would do without it.',
    );
}

async function liveVersion(dataSource: DataSource): Promise<number> {
  const live = (await listProjections(sqlOf(dataSource))).find(({ state }) => state === 'live');
  if (live === undefined) throw new Error('no version is live');
  return live.version;
}

async function liveAndOther(dataSource: DataSource): Promise<[number, number]> {
  const live = await liveVersion(dataSource);
  const other = (await listProjections(sqlOf(dataSource))).findLast(({ version }) => version !== live);
  if (other === undefined) throw new Error('there is no version but the live one: nothing to compare');
  return [live, other.version];
}

function comparisonText({ versions: [one, other], level, records, tables }: Comparison): string {
  const lines = tables.map(({ table, equal, rows, otherColumns }) => [
    table,
    ...rows,
    equal ? 'the same' : 'differs',
    otherColumns.length === 0 ? '' : `not compared: ${otherColumns.join(', ')}`,
  ]);
  const samples = tables.flatMap(({ table, samples: some }) =>
    some.map(({ key, found }) => `${table}: ${key}: ${found}`),
  );
  return [
    level
      ? `Both stood at the same record of every partition (${records[0]} records).`
      : `They did not stand at the same records (${records.join(' and ')}): their rows need not be the same.`,
    tableOf(['table', `rows in ${one}`, `rows in ${other}`, 'rows', ''], lines),
    ...samples,
  ].join('\n');
}
