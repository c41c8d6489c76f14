import { type Item } from './split-notification';

/** What people tell items apart by: what a change is about is in the name of its field. */
export const itemSorts = ['message', 'status', 'template', 'number', 'account', 'unknown'] as const;
export type ItemSort = (typeof itemSorts)[number];

export function itemSortOf({ kind, field = '' }: Pick<Item, 'kind' | 'field'>): ItemSort {
  if (kind === 'echo') return 'message';
  if (kind !== 'change') return kind;
  if (/^(message_)?template_/.test(field)) return 'template';
  return field.startsWith('phone_number_') ? 'number' : 'account';
}
