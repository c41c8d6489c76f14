import { letterCauses, topics } from '@talaria/contracts';
import { counter } from '@talaria/observability';

export const letterTopics = [topics.outboundDlq.name, topics.webhooksDlq.name];

export const lettersIndexed = counter(
  'talaria_dead_letters_indexed_total',
  'Dead letters that are new in the index',
  { topic: letterTopics, cause: letterCauses },
);
