import { itemSortOf } from './item-sort';

describe('the sort of an item', () => {
  it.each([
    [{ kind: 'message', field: 'messages' }, 'message'],
    [{ kind: 'echo', field: 'smb_message_echoes' }, 'message'],
    [{ kind: 'status', field: 'messages' }, 'status'],
    [{ kind: 'change', field: 'message_template_status_update' }, 'template'],
    [{ kind: 'change', field: 'template_category_update' }, 'template'],
    [{ kind: 'change', field: 'phone_number_quality_update' }, 'number'],
    [{ kind: 'change', field: 'account_update' }, 'account'],
    [{ kind: 'change', field: 'a_field_of_tomorrow' }, 'account'],
    [{ kind: 'unknown', field: undefined }, 'unknown'],
  ] as const)('of %j is %s', (item, sort) => expect(itemSortOf(item)).toBe(sort));
});
