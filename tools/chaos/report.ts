import { type Defect } from './defects/defects';
import { type InboundFindings } from './inbound/check';
import { type Findings as OutboundFindings } from './outbound/check';
import { type Recovery } from './recovery';

/** What came out of a run. */
export type ChaosReport = {
  readonly seed: number;
  readonly seconds: number;
  readonly defect: Defect | undefined;
  readonly inbound: InboundFindings;
  readonly outbound: OutboundFindings;
  readonly counts: {
    readonly webhooks: number;
    readonly items: number;
    readonly acknowledged: number;
    readonly commands: number;
    readonly messages: number;
    readonly faults: number;
  };
  /** By cause, of commands. */
  readonly deadLetters: Readonly<Record<string, number>>;
  readonly recoveries: readonly Recovery[];
  /** From the end of load and faults until nothing moved any more; undefined: something still did. */
  readonly settledAfterMs: number | undefined;
  /** Processes that ended though nobody asked them to. */
  readonly ended: readonly string[];
  /** Faults that could not be made, or mended. */
  readonly failures: readonly string[];
};

/** What was looked for, in the order in which it is told: which checker, its kind of finding, and what that means. */
const promises = [
  ['inbound', 'lost', 'acknowledged webhooks lost'],
  ['inbound', 'projectedTwice', 'projected twice'],
  ['inbound', 'differing', 'rows that differ from the model'],
  ['inbound', 'invented', 'rows and events of nothing that was offered'],
  ['inbound', 'untold', 'facts without their event'],
  ['inbound', 'reordered', 'webhooks reordered for a person'],
  ['inbound', 'refused', 'webhooks answered by neither 200 nor 503'],
  ['inbound', 'undeserved', 'dead webhooks without cause'],
  ['outbound', 'lost', 'commands lost'],
  ['outbound', 'doubled', 'commands sent twice'],
  ['outbound', 'reordered', 'commands reordered for a recipient'],
  ['outbound', 'undecided', 'commands undecided'],
  ['outbound', 'exceeded', 'sends beyond a limit'],
  ['outbound', 'undeserved', 'dead commands without cause'],
  ['outbound', 'differing', 'ledger, read model and Meta that differ'],
] as const;

const SHOWN = 10;

/** Whether a promise was broken. */
export function isBroken(report: ChaosReport): boolean {
  return allFindings(report).some(({ found }) => found.length > 0);
}

/** For a person: how much was done, what went wrong with the surroundings, and what with the platform. */
export function toText(report: ChaosReport): string {
  const { seed, seconds, defect, counts, deadLetters, settledAfterMs } = report;
  const letters = Object.entries(deadLetters).map(([cause, count]) => `${count} ${cause}`);
  const settled = settledAfterMs === undefined ? 'not at all' : `after ${inSeconds(settledAfterMs)} s`;
  return [
    `seed ${seed}, ${seconds} s${defect === undefined ? '' : `, with the defect ${defect}`}`,
    `offered: ${counts.webhooks} webhooks of ${counts.items} items, ${counts.acknowledged} acknowledged; ${counts.commands} commands`,
    `sent: ${counts.messages} messages; dead letters: ${letters.join(', ') || 'none'}`,
    `settled: ${settled}`,
    '',
    ...recoveryTable(report),
    '',
    ...table(
      ['promise', 'broken'],
      allFindings(report).map(({ title, found }) => [title, String(found.length)]),
    ),
    ...allFindings(report).flatMap(({ title, found }) =>
      found.slice(0, SHOWN).map((finding) => `${title}: ${finding}`),
    ),
    isBroken(report) ? 'Promises were broken.' : 'Every promise was kept.',
  ].join('\n');
}

/** Seconds, median and most; a dash where nothing was offered after the faults. */
function recoveryTable({ counts, recoveries }: ChaosReport): string[] {
  const ways = Object.keys(recoveries[0]?.byWay ?? {});
  return table(
    [`faults (${counts.faults})`, 'times', ...ways.map((way) => `until ${way}`)],
    recoveries.map(({ kind, times, byWay }) => [
      ...[kind, String(times)],
      ...Object.values(byWay).map((wait) =>
        wait.times === 0 ? '–' : `${inSeconds(wait.median)}, ${inSeconds(wait.most)}`,
      ),
    ]),
  );
}

function allFindings({ inbound, outbound, counts, ended, failures, settledAfterMs }: ChaosReport) {
  const sides = { inbound, outbound };
  const unanswered = counts.webhooks - counts.acknowledged;
  return [
    ...promises.map(([side, kind, title]) => ({
      title,
      found: (sides[side] as Readonly<Record<string, readonly string[]>>)[kind] ?? [],
    })),
    { title: 'webhooks never acknowledged', found: unanswered > 0 ? [String(unanswered)] : [] },
    { title: 'processes that ended by themselves', found: ended },
    { title: 'not made, or not made to run again', found: failures },
    { title: 'still moving at the end', found: settledAfterMs === undefined ? ['something'] : [] },
  ];
}

const inSeconds = (ms: number | undefined) => (ms === undefined ? 'never' : (ms / 1000).toFixed(1));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
