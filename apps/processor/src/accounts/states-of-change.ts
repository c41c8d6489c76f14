import { type Fields, fieldsOf, label, list, phone, text } from '../webhooks/read-json';
import { type StateRow } from '../webhooks/rows';
import { upcastChange } from '../webhooks/upcast';

type Told = Readonly<Record<string, string | null>>;
type State = { readonly subject: string; readonly facet: string; readonly told: Told };

/**
 * What an account change tells of the account, of a number or of a template; nothing for fields that are only kept.
 * @param json the change's bytes: a template's id is read from them digit by digit
 */
export function statesOfChange(
  field: string,
  value: Fields,
  json: Buffer,
): Pick<StateRow, 'subject' | 'facet' | 'told'>[] {
  const read = Object.hasOwn(readers, field) ? readers[field] : undefined;
  const states = read?.(upcastChange(value), json) ?? [];
  return states.map(({ subject, facet, told }) => ({ subject, facet, told: JSON.stringify(told) }));
}

type Reader = (value: Fields, json: Buffer) => readonly State[];

const account = (facet: string, told: Told): State[] => [{ subject: '', facet, told }];

function number(value: Fields, facet: string, told: Told): State[] {
  const display = phone(value.display_phone_number);
  return display === null ? [] : [{ subject: `number/${display}`, facet, told }];
}

function template(value: Fields, json: Buffer, facet: string, told: Told): State[] {
  const [, id] = /"message_template_id"\s*:\s*"?(\d{1,32})/.exec(json.toString('latin1')) ?? [];
  const name = text(value.message_template_name);
  const language = text(value.message_template_language);
  return id === undefined ? [] : [{ subject: `template/${id}`, facet, told: { name, language, ...told } }];
}

const readers: Readonly<Record<string, Reader>> = {
  account_review_update: (value) => account('review', { decision: text(value.decision) }),
  account_update: (value) => {
    const { waba_ban_state: state, waba_ban_date: date } = fieldsOf(value.ban_info);
    if (value.event === 'DISABLED_UPDATE') return account('ban', { state: text(state), date: label(date) });
    if (value.event !== 'ACCOUNT_RESTRICTION') return [];
    const restrictions = list(value.restriction_info).map(fieldsOf);
    const types = restrictions.map(({ restriction_type: type }) => text(type) ?? '?').sort();
    const ends = restrictions.flatMap(({ expiration }) => label(expiration) ?? []).sort();
    return account('restriction', { restrictions: types.join(', '), until: ends.at(-1) ?? null });
  },
  business_capability_update: (value) =>
    // Each may be told alone.
    ['max_daily_conversations', 'max_phone_numbers'].flatMap((facet) => {
      const limit = label(value[`${facet}_per_business`]);
      return limit === null ? [] : account(facet, { limit });
    }),
  phone_number_quality_update: (value) =>
    number(value, 'quality', {
      event: text(value.event),
      limit: label(value.max_daily_conversations_per_business),
    }),
  phone_number_name_update: (value) =>
    number(value, 'name', { decision: text(value.decision), name: text(value.requested_verified_name) }),
  message_template_status_update: (value, json) =>
    template(value, json, 'status', { status: text(value.event), reason: text(value.reason) }),
  message_template_quality_update: (value, json) =>
    template(value, json, 'quality', { quality: text(value.new_quality_score) }),
  template_category_update: (value, json) =>
    template(value, json, 'category', { category: text(value.new_category) }),
};
