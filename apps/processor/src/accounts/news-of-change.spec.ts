import { newsOfChange } from './news-of-change';

const news = (field: string, value: unknown) => newsOfChange(field, Buffer.from(JSON.stringify(value)));
const ofAccount = (event: string, more: object = {}) => news('account_update', { event, ...more });
const restricted = (...all: [type: string, expiration?: unknown][]) =>
  ofAccount('ACCOUNT_RESTRICTION', {
    restriction_info: all.map(([type, expiration]) => ({
      restriction_type: `RESTRICTED_${type}`,
      expiration,
    })),
  });
const ban = (state: string) =>
  ofAccount('DISABLED_UPDATE', { ban_info: { waba_ban_state: state, waba_ban_date: 'November 23, 2026' } });
const ofNumber = (event: unknown, more: object = {}) =>
  news('phone_number_quality_update', { display_phone_number: '+1 555 010-4000', event, ...more });

it('an account that is disabled or deleted sends nothing more; one that is reinstated does', () => {
  expect(ban('DISABLE')).toEqual({
    ...{ displayNumber: null, change: 'ban', until: 'infinity' },
    reason: 'DISABLED_UPDATE, DISABLE, November 23, 2026',
  });
  expect(ban('REINSTATE')).toMatchObject({ change: 'ban', until: null });
  expect(ofAccount('ACCOUNT_DELETED')).toMatchObject({ change: 'deletion', until: 'infinity' });
});

it('a restriction of messages lasts until the last of its ends, and without one until somebody lifts it', () => {
  const biz = (end?: unknown) => ['BIZ_INITIATED_MESSAGING', end] as [string, unknown];
  expect(restricted(biz(1764500000))).toEqual({
    ...{ displayNumber: null, change: 'restriction', until: new Date(1764500000_000) },
    reason: 'RESTRICTED_BIZ_INITIATED_MESSAGING',
  });
  const two = restricted(biz('1764500000'), ['CUSTOMER_INITIATED_MESSAGING', 1764600000]);
  expect(two?.until).toEqual(new Date(1764600000_000));
  const mixed = restricted(biz(1764500000), ['ADD_PHONE_NUMBER_ACTION', 1764700000]);
  expect(mixed?.until).toEqual(new Date(1764500000_000));
  for (const end of [undefined, null, 'soon', -1]) expect(restricted(biz(end))?.until).toBe('infinity');
});

it('of a number it tells the upgrade, and any other event as its quality', () => {
  expect(ofNumber('THROUGHPUT_UPGRADE', { max_daily_conversations_per_business: 'TIER_100K' })).toEqual({
    ...{ displayNumber: '15550104000', change: 'rate', reason: 'THROUGHPUT_UPGRADE', until: null },
  });
  expect(ofNumber('FLAGGED', { current_limit: 'TIER_1K' })).toMatchObject({
    ...{ change: 'quality', reason: 'FLAGGED, TIER_1K', until: null },
  });
});

it.each([
  ['a ban that is only scheduled', ban('SCHEDULE_FOR_DISABLE')],
  ['a ban of a state from the future', ban('SHADOW')],
  ['a ban without a state', ofAccount('DISABLED_UPDATE')],
  [
    'a restriction of other things',
    restricted(['ADD_PHONE_NUMBER_ACTION', 1764500000], ['UTILITY_TEMPLATES']),
  ],
  ['a restriction of nothing', ofAccount('ACCOUNT_RESTRICTION', { restriction_info: 'x' })],
  ['another event', ofAccount('VERIFIED_ACCOUNT')],
  ['a number without digits', ofNumber('FLAGGED', { display_phone_number: 'mine' })],
  ['a number without an event', ofNumber(undefined)],
  ['another field', news('message_template_status_update', { event: 'DISABLED' })],
  ['a value of another shape', news('account_update', ['DISABLED_UPDATE'])],
])('%s changes nothing', (_, told) => {
  expect(told).toBeUndefined();
});
