import { type Fields } from '../cloud-api/field-checks';
import { pick, type Random } from '../random';

const TIERS = ['TIER_250', 'TIER_2K', 'TIER_10K', 'TIER_100K', 'TIER_UNLIMITED'] as const;
const TEMPLATE_EVENTS = ['APPROVED', 'REJECTED', 'PAUSED', 'FLAGGED', 'REINSTATED'] as const;

/** The field and value of each kind of account change. None of them pauses an account: that is for scenarios to script. */
export const accountChangeKinds = {
  quality_update: (random, displayPhoneNumber) => ({
    field: 'phone_number_quality_update',
    value: {
      display_phone_number: displayPhoneNumber.replace(/\D/g, ''),
      event: 'UPGRADE',
      max_daily_conversations_per_business: pick(random, TIERS),
    },
  }),
  template_update: (random) => ({
    field: 'message_template_status_update',
    value: {
      event: pick(random, TEMPLATE_EVENTS),
      message_template_id: 1_000_000 + Math.floor(random() * 8_000_000),
      message_template_name: 'order_ready',
      message_template_language: 'pt_BR',
      reason: null,
    },
  }),
  account_update: () => ({
    field: 'account_update',
    value: { event: 'VERIFIED_ACCOUNT' },
  }),
} satisfies Record<string, (random: Random, displayPhoneNumber: string) => { field: string; value: Fields }>;
