import { type Causes, type Counted, type LeftOut } from '@talaria/operations';
import { tableOf } from '../output/table';

const NOTHING = 'No open dead letter is meant by this.';

/** How many of each cause, and together. */
export function causesText(what: string, causes: Causes): string {
  const counts = Object.entries(causes);
  if (counts.length === 0) return NOTHING;
  const together = counts.reduce((sum, [, count]) => sum + count, 0);
  return `${what}:\n${tableOf(['cause', 'letters'], [...counts, ['together', together]])}`;
}

export function countedText({ causes, leftOut, acceptedMeanwhile }: Counted): string {
  return [
    causesText('Would send again', causes),
    ...leftOutLines(leftOut),
    ...(acceptedMeanwhile === 0
      ? []
      : [`Of these commands ${acceptedMeanwhile} were accepted meanwhile: they become no second message.`]),
  ].join('\n');
}

const leftOutTexts: Readonly<Record<LeftOut, string>> = {
  'no-value':
    'have no value, which was too large for the dead letters: publish them again from where they came',
  expired: 'have expired, and would expire again: give them another time with --expires-at',
  ambiguous:
    'are ambiguous, and may have been sent: name them by --cause ambiguous or by id to send them again all the same',
};

export function leftOutLines(leftOut: Counted['leftOut']): string[] {
  return (Object.entries(leftOut) as [LeftOut, number][]).map(
    ([reason, count]) => `Left out: ${count} ${leftOutTexts[reason]}`,
  );
}
