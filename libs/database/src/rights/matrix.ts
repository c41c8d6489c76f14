import { shown } from '../projection/tables';

/** Who works with the database, each by a role of its own. `operator` is the command; `reader` whoever looks at the read model by SQL. */
export const users = ['ingestion', 'processor', 'dispatcher', 'operator', 'reader'] as const;
export type User = (typeof users)[number];

/** What each may do with a table, view or function, as GRANT has it; who is not named may do nothing. Only the owner makes, changes or removes them. */
export type Rights = Readonly<Partial<Record<User, string>>>;

const READ = 'SELECT';
const CHANGE = 'SELECT, INSERT, UPDATE, DELETE';

/** Of the registry, without what is sealed. The last two say which version of a row it is, by which changes are noticed. */
const PAUSE = 'paused_until, paused_reason';
const APP = `app_id, messages_per_second, ${PAUSE}`;
const ACCOUNT = `waba_id, name, provider, app_id, messages_per_second, restricted_until, restricted_reason, ${PAUSE}`;
const NUMBER = `phone_number_id, waba_id, display_phone_number, messages_per_second, ${PAUSE}`;
const ROW = 'ctid, xmin';

/** The views through which the read model is seen. */
const view = (name: (typeof shown)[number]): Rights => ({
  operator: READ,
  reader: READ,
  ...(['messages', 'message_statuses'].includes(name) && { dispatcher: READ }),
  ...(['messages', 'commands', 'numbers'].includes(name) && { processor: READ }),
});

/** Every table and view of the schema `public`. */
export const publicRights: Readonly<Record<string, Rights>> = {
  migrations_id_seq: {},
  migrations: { processor: READ, dispatcher: READ, operator: READ },
  oldest_program: { processor: READ, dispatcher: READ, operator: READ },
  user_roles: {},
  apps: {
    ingestion: READ,
    dispatcher: `SELECT (${APP}, ${ROW})`,
    operator: CHANGE,
    reader: `SELECT (${APP})`,
  },
  wabas: {
    processor: `SELECT (${ACCOUNT}), UPDATE (restricted_until, restricted_reason)`,
    dispatcher: READ,
    operator: CHANGE,
    reader: `SELECT (${ACCOUNT})`,
  },
  phone_numbers: {
    processor: `SELECT (${NUMBER}), UPDATE (messages_per_second)`,
    dispatcher: READ,
    operator: CHANGE,
    reader: `SELECT (${NUMBER})`,
  },
  registry_changes: { processor: 'SELECT, INSERT', operator: 'SELECT, INSERT' },
  cancelled_campaigns: { dispatcher: READ, operator: 'SELECT, INSERT' },
  inbound_rates: { processor: CHANGE, dispatcher: READ },
  dispatch_commands: { dispatcher: 'SELECT, INSERT, UPDATE', operator: READ },
  dispatch_backlog: { dispatcher: CHANGE, operator: READ },
  // Counted by triggers of the table before, with the rights of whoever changes it.
  dispatch_backlog_lanes: { dispatcher: 'SELECT, INSERT, UPDATE', operator: READ },
  backlog: { operator: READ, reader: READ },
  dead_letters: {
    processor: 'SELECT, INSERT',
    dispatcher: 'SELECT (id, waba_id, command_id, cause, redrive)',
    operator: 'SELECT, UPDATE',
  },
  redrives: { dispatcher: 'SELECT (id, begun_at, correction)', operator: CHANGE },
  discards: { operator: CHANGE },
  // Written, as all that is erased, by the owner.
  erasures: { processor: READ },
  erased_ids: { processor: READ },
  projections: { processor: READ, operator: READ },
  projection_retention: { processor: READ, operator: READ },
  ...Object.fromEntries(shown.map((name) => [name, view(name)])),
};

/** Every function, with the types of its arguments. Those of triggers are called for whoever changes the table. */
export const functionRights: Readonly<Record<string, Rights>> = {
  'add_month(text, text, date)': { processor: 'EXECUTE' },
  'count_backlog()': {},
  'notify_registry()': {},
};

const PROJECTED: Rights = { processor: 'SELECT, INSERT, UPDATE', operator: READ };

/** Every table and view of the schema of a projection version. Months are reached through the table that they are parts of. */
export const projectionRights: Readonly<Record<string, Rights>> = {
  message_ids: PROJECTED,
  messages: PROJECTED,
  message_statuses: PROJECTED,
  reactions: PROJECTED,
  contact_identities: PROJECTED,
  contact_links: PROJECTED,
  // Those of one contact who was taken for two become one.
  conversations: { ...PROJECTED, processor: CHANGE },
  account_changes: PROJECTED,
  account_states: PROJECTED,
  display_numbers: PROJECTED,
  unknown_items: PROJECTED,
  commands: PROJECTED,
  dispatch_attempts: PROJECTED,
  skipped_records: PROJECTED,
  projection_checkpoints: PROJECTED,
  // Seen through the views of `public`, which are the owner's.
  contacts: {},
  contact_reactions: {},
  accounts: {},
  numbers: {},
  templates: {},
};

/** Who may use the schema of a projection version. */
export const projectionUsers: readonly User[] = ['processor', 'operator'];
