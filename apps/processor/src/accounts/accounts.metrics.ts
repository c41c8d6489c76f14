import { counter, gaugeOf } from '@talaria/observability';

export const qualities = ['flagged', 'unflagged', 'upgrade', 'downgrade', 'onboarding', 'other'] as const;
export type Quality = (typeof qualities)[number];

export const qualityChanges = counter(
  'talaria_number_quality_changes_total',
  'Changes of the quality of registered numbers that Meta told',
  { quality: qualities },
);

export const showQualities = gaugeOf(
  'talaria_number_quality',
  'Numbers by what Meta told last of their quality, read once a minute; flagged: it is low. Those of which it told nothing are not counted. All processes read the same',
  { quality: qualities },
);
