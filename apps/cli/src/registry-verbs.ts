import { parseDuration } from '@talaria/config';
import {
  type HowLong,
  type KeptChange,
  type Pause,
  type RegistryAccess,
  type SignedAccess,
  type TokenState,
} from '@talaria/operations';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { confirm, yesOption } from './confirm';
import { type Context } from './context';
import { byOption, metaId, notBlank } from './flags';
import { printable } from './output/fields';
import { showTable } from './output/table';
import { registryAccess, signedAccess } from './registry-access';
import { dryRunOption, newVerb } from './verb';

/** What the verbs on accounts, numbers and apps have in common. */
export type RegistryNoun = {
  readonly one: 'account' | 'number' | 'app';
  readonly many: 'accounts' | 'numbers' | 'apps';
  /** An id for examples. */
  readonly example: string;
  readonly argument: () => Argument;
};

type DryRun = { readonly dryRun?: boolean };
type Signing = DryRun & { readonly by?: string };
type PauseFlags = Signing & { readonly reason: string; readonly until?: Date };

export const idArgument = (name: string, what: string) => new Argument(`<${name}>`, what).argParser(metaId);

/** What Meta may allow a number, in messages a second. */
export function numberRate(value: string): number {
  return readRate(value, 1000, '');
}

/** What a number of them may send together; `none` is null. */
export function ceiling(value: string): number | null {
  return value === 'none' ? null : readRate(value, 1_000_000, ', or none');
}

function readRate(value: string, most: number, or: string): number {
  const rate = Number(value);
  if (/^\d+$/.test(value) && rate >= 1 && rate <= most) return rate;
  throw new InvalidArgumentError(`It must be a whole number of messages a second, from 1 to ${most}${or}.`);
}

function untilOf(value: string): Date {
  const ms = parseDuration(value);
  const until =
    ms === undefined ? new Date(/^\d{4}-\d\d-\d\d/.test(value) ? value : NaN) : new Date(Date.now() + ms);
  if (Number.isNaN(until.getTime()))
    throw new InvalidArgumentError('It must be a time like 2026-12-01T08:00Z, or a duration like 30m or 2h.');
  if (until.getTime() <= Date.now()) throw new InvalidArgumentError('It must be in the future.');
  return until;
}

/** Changes, and tells it with the row as it is afterwards. */
export function tellChange(
  context: Context,
  dryRun: boolean,
  row: object,
  text: { readonly did: string; readonly would: string; readonly rest: string },
): void {
  context.answer({ dryRun, ...row }, () =>
    dryRun ? `Would ${text.would} ${text.rest}. Nothing was changed.` : `${text.did} ${text.rest}.`,
  );
}

export function pauseVerb<Row extends Pause>(
  context: Context,
  { one, many, example, argument }: RegistryNoun,
  run: (access: SignedAccess, id: string, how: HowLong) => Promise<Row>,
): Command {
  return newVerb('pause', {
    summary: `nothing of the ${one} is sent, and its commands wait, until it is resumed`,
    more: 'Waiting spends no attempt. A command whose expiresAt passes meanwhile is given up. Dispatchers follow within a second.',
    examples: [
      `talaria ${many} pause ${example} --reason "complaint 4711"`,
      `talaria ${many} pause ${example} --reason "too many reports" --until 2h`,
    ],
  })
    .addArgument(argument())
    .addOption(reasonOption('for whoever asks why nothing is sent'))
    .addOption(
      new Option('--until <time>', 'when it goes on by itself: a time, or a duration from now').argParser(
        untilOf,
      ),
    )
    .addOption(byOption())
    .addOption(dryRunOption())
    .action(async (id: string, { reason, until, by, dryRun = false }: PauseFlags) => {
      const access = await signedAccess(context, { dryRun, ...(by !== undefined && { by }) });
      const row = await run(access, id, { reason, ...(until && { until }) });
      const rest = `${one} ${id} ${untilText(row.pausedUntil)}: ${reason}`;
      tellChange(context, dryRun, row, { did: 'Paused', would: 'pause', rest });
    });
}

export const reasonOption = (what: string) =>
  new Option('--reason <text>', what).argParser(notBlank).makeOptionMandatory();

export function resumeVerb<Row extends Pause>(
  context: Context,
  { one, many, example, argument }: RegistryNoun,
  run: (access: SignedAccess, id: string) => Promise<Row>,
): Command {
  return newVerb('resume', {
    summary: `takes back a pause of the ${one}`,
    examples: [`talaria ${many} resume ${example}`],
  })
    .addArgument(argument())
    .addOption(byOption())
    .addOption(dryRunOption())
    .action(async (id: string, { by, dryRun = false }: Signing) => {
      const row = await run(await signedAccess(context, { dryRun, ...(by !== undefined && { by }) }), id);
      const held = row.state === 'active' ? '' : `; nothing is sent yet: ${heldText(row.state)}`;
      tellChange(context, dryRun, row, {
        did: 'Resumed',
        would: 'resume',
        rest: `${one} ${id}${held}`,
      });
    });
}

export function setRateVerb<Row extends object, Rate extends number | null>(
  context: Context,
  { one, many, example, argument }: RegistryNoun,
  about: {
    readonly summary: string;
    readonly more: string;
    readonly examples: readonly string[];
    readonly parse: (value: string) => Rate;
  },
  run: (access: SignedAccess, id: string, rate: Rate) => Promise<Row>,
): Command {
  const { summary, more, parse } = about;
  const examples = about.examples.map((rate) => `talaria ${many} set-rate ${example} ${rate}`);
  return newVerb('set-rate', { summary, more, examples })
    .addArgument(argument())
    .addArgument(new Argument('<rate>', 'messages a second').argParser(parse))
    .addOption(byOption())
    .addOption(dryRunOption())
    .action(async (id: string, rate: Rate, { by, dryRun = false }: Signing) => {
      const row = await run(
        await signedAccess(context, { dryRun, ...(by !== undefined && { by }) }),
        id,
        rate,
      );
      const rest = `the rate of ${one} ${id} to ${rate === null ? 'no ceiling' : `${rate} messages a second`}`;
      tellChange(context, dryRun, row, { did: 'Set', would: 'set', rest });
    });
}

export function removeVerb<Row extends object>(
  context: Context,
  { one, many, example, argument }: RegistryNoun,
  more: string,
  run: (access: RegistryAccess & { readonly force: boolean }, id: string) => Promise<Row>,
): Command {
  return newVerb('remove', {
    summary: `the registry forgets the ${one}`,
    more: `${more} On a terminal it asks; elsewhere --yes is needed.`,
    examples: [`talaria ${many} remove ${example} --dry-run`, `talaria ${many} remove ${example} --yes`],
  })
    .addArgument(argument())
    .addOption(dryRunOption())
    .addOption(yesOption())
    .action(async (id: string, flags: DryRun & { readonly yes?: boolean; readonly force?: boolean }) => {
      const { dryRun = false, force = false } = flags;
      await confirm(context, flags, `Remove ${one} ${id}?`);
      const row = await run({ ...(await registryAccess(context, dryRun, 0)), force }, id);
      tellChange(context, dryRun, row, { did: 'Removed', would: 'remove', rest: `${one} ${id}` });
    });
}

/** A pause in a cell, or behind "is". */
export function stateText(sender: Pause & Partial<Restriction>): string {
  const { state, pausedUntil, pausedReason, restrictedUntil = null, restrictedReason = null } = sender;
  const because = (reason: string | null) => (reason === null ? '' : `: ${printable(reason)}`);
  if (state === 'paused') return `paused ${untilText(pausedUntil)}${because(pausedReason)}`;
  if (state === 'restricted') {
    const until = restrictedUntil === 'infinity' ? '' : ` until ${restrictedUntil}`;
    return `restricted by Meta${until}${because(restrictedReason)}`;
  }
  return state.replace('-', ' ');
}

type Restriction = { readonly restrictedUntil: string | null; readonly restrictedReason: string | null };

const heldText = (state: string) =>
  state === 'restricted'
    ? 'Meta restricts it, see talaria accounts lift'
    : `its ${state.replace('-', ' is ')}`;

/** Below what is shown of a sender. */
export function changesText(context: Context, changes: readonly KeptChange[]): string {
  if (changes.length === 0) return '';
  const rows = changes.map(({ changedAt, changedBy, change, until, reason }) => [
    ...[changedAt, printable(changedBy), change, until ?? '', printable(reason ?? '')],
  ]);
  return `\n\n${showTable(context, ['changed', 'by', 'what', 'until', 'why'], rows)}`;
}

const untilText = (until: string | null) =>
  until === 'infinity' || until === null ? 'until it is resumed' : `until ${until}`;

export function tokenText({ token, tokenKeyId }: TokenState): string {
  if (token === 'none') return 'none';
  const sealed = tokenKeyId === null ? 'not sealed' : `key ${tokenKeyId}`;
  return token === 'own' ? `own, ${sealed}` : `of its account, ${sealed}`;
}

export const ceilingText = (rate: number | null) => (rate === null ? 'no ceiling' : `${rate}/s`);
