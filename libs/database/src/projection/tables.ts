/**
 * The read model: what stands in the schema of each projection version. Meant for a `search_path` that begins with that schema.
 *
 * Rows about a message lie in the partition of its month, which is the earliest that anybody told of it (`message_ids` remembers it), so
 * that a month can be detached whole. Primary keys begin with the wamid: it is what people search for. Whatever has no comment of its
 * own holds Meta's field of the same name.
 */
export const tables = `
  CREATE TABLE message_ids (
    wamid text NOT NULL,
    phone_number_id text NOT NULL,
    month date NOT NULL,
    PRIMARY KEY (wamid, phone_number_id)
  ) WITH (fillfactor = 90);
  CREATE INDEX message_ids_month ON message_ids USING brin (month);

  CREATE TABLE messages (
    phone_number_id text NOT NULL,
    wamid text NOT NULL,
    month date NOT NULL,
    waba_id text,
    direction text NOT NULL,
    contact_phone text,
    contact_user_id text,
    contact_identity text GENERATED ALWAYS AS (coalesce(contact_phone, contact_user_id)) STORED,
    group_id text,
    type text,
    text text,
    media_id text,
    media_mime_type text,
    media_sha256 text,
    media_filename text,
    context_wamid text,
    message_at timestamptz,
    is_echo boolean NOT NULL DEFAULT false,
    command_id text,
    status text GENERATED ALWAYS AS (
      CASE
        WHEN played_at IS NOT NULL THEN 'played'
        WHEN read_at IS NOT NULL THEN 'read'
        WHEN delivered_at IS NOT NULL THEN 'delivered'
        WHEN failed_at IS NOT NULL THEN 'failed'
        WHEN sent_at IS NOT NULL THEN 'sent'
        WHEN accepted_at IS NOT NULL THEN 'accepted'
      END) STORED,
    accepted_at timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    played_at timestamptz,
    failed_at timestamptz,
    edited_at timestamptz,
    edit_wamid text,
    edited_text text,
    revoked_at timestamptz,
    arrived_at timestamptz NOT NULL,
    shown_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(message_at, arrived_at)) STORED,
    item bytea,
    PRIMARY KEY (wamid, phone_number_id, month)
  ) PARTITION BY RANGE (month);
  CREATE INDEX messages_contact ON messages (contact_identity, shown_at);
  CREATE INDEX messages_command ON messages (command_id, waba_id) WHERE command_id IS NOT NULL;
  CREATE INDEX messages_failed ON messages (phone_number_id, failed_at) WHERE failed_at IS NOT NULL;

  CREATE TABLE message_statuses (
    phone_number_id text NOT NULL,
    wamid text NOT NULL,
    month date NOT NULL,
    status text NOT NULL,
    participant text NOT NULL,
    waba_id text,
    contact_phone text,
    contact_user_id text,
    status_at timestamptz NOT NULL,
    error_code integer,
    error_title text,
    pricing_billable boolean,
    pricing_model text,
    pricing_type text,
    pricing_category text,
    command_id text,
    attempt integer,
    item bytea NOT NULL,
    PRIMARY KEY (wamid, phone_number_id, status, participant, month)
  ) PARTITION BY RANGE (month);

  CREATE TABLE reactions (
    phone_number_id text NOT NULL,
    wamid text NOT NULL,
    month date NOT NULL,
    sender text NOT NULL,
    waba_id text,
    emoji text,
    reacted_at timestamptz NOT NULL,
    reaction_wamid text NOT NULL,
    PRIMARY KEY (wamid, phone_number_id, sender, month)
  ) PARTITION BY RANGE (month);

  CREATE TABLE contact_identities (
    waba_id text NOT NULL,
    identity text NOT NULL,
    contact text NOT NULL,
    name text,
    username text,
    named_at timestamptz,
    PRIMARY KEY (waba_id, identity)
  ) WITH (fillfactor = 80);
  CREATE INDEX contact_identities_contact ON contact_identities (waba_id, contact);

  CREATE TABLE contact_links (
    waba_id text NOT NULL,
    one text NOT NULL,
    other text NOT NULL,
    PRIMARY KEY (waba_id, one, other)
  );

  CREATE TABLE conversations (
    phone_number_id text NOT NULL,
    waba_id text NOT NULL,
    contact text NOT NULL,
    last_in_at timestamptz,
    last_out_at timestamptz,
    last_at timestamptz GENERATED ALWAYS AS (greatest(last_in_at, last_out_at)) STORED,
    service_window_until timestamptz GENERATED ALWAYS AS (
      (last_in_at AT TIME ZONE 'UTC' + interval '24 hours') AT TIME ZONE 'UTC'
    ) STORED,
    PRIMARY KEY (waba_id, contact, phone_number_id)
  ) WITH (fillfactor = 80);
  CREATE INDEX conversations_last ON conversations (phone_number_id, last_at);

  CREATE TABLE account_changes (
    waba_id text NOT NULL,
    change_hash bytea NOT NULL,
    month date NOT NULL,
    field text NOT NULL,
    phone_number_id text,
    contact_phone text,
    contact_user_id text,
    changed_at timestamptz,
    item bytea NOT NULL,
    PRIMARY KEY (waba_id, change_hash, month)
  ) PARTITION BY RANGE (month);
  CREATE INDEX account_changes_time ON account_changes (waba_id, changed_at);

  CREATE TABLE account_states (
    waba_id text NOT NULL,
    subject text NOT NULL,
    facet text NOT NULL,
    told_at timestamptz NOT NULL,
    told jsonb NOT NULL,
    PRIMARY KEY (waba_id, subject, facet)
  );

  CREATE TABLE display_numbers (
    phone_number_id text NOT NULL,
    waba_id text NOT NULL,
    display_phone_number text NOT NULL,
    seen_on date NOT NULL,
    PRIMARY KEY (phone_number_id, waba_id, display_phone_number)
  );

  CREATE TABLE unknown_items (
    item_hash bytea PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    item bytea NOT NULL
  );

  CREATE TABLE commands (
    waba_id text NOT NULL,
    command_id text NOT NULL,
    phone_number_id text NOT NULL,
    state text NOT NULL,
    version integer NOT NULL,
    attempts integer NOT NULL,
    recipient text,
    wamid text,
    cause text,
    error_code integer,
    error_class text,
    campaign_id text,
    correlation_id text,
    state_at timestamptz NOT NULL,
    PRIMARY KEY (command_id, waba_id)
  ) WITH (fillfactor = 80);
  CREATE INDEX commands_campaign ON commands (campaign_id, waba_id) WHERE campaign_id IS NOT NULL;
  CREATE INDEX commands_state_at ON commands USING brin (state_at);

  CREATE TABLE dispatch_attempts (
    waba_id text NOT NULL,
    command_id text NOT NULL,
    version integer NOT NULL,
    month date NOT NULL,
    attempt integer NOT NULL,
    state text NOT NULL,
    started_at timestamptz,
    told_at timestamptz NOT NULL,
    trace_id text,
    wamid text,
    cause text,
    error_code integer,
    error_class text,
    error_message text,
    fbtrace_id text,
    PRIMARY KEY (command_id, waba_id, version, month)
  ) PARTITION BY RANGE (month);

  CREATE TABLE skipped_records (
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    cause text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (topic, partition, record_offset)
  );

  CREATE TABLE projection_checkpoints (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    publish_from bigint,
    PRIMARY KEY (topic, partition)
  ) WITH (fillfactor = 50);

  CREATE VIEW contacts AS
    SELECT waba_id, contact, array_agg(identity ORDER BY identity) AS identities,
           (array_agg(name ORDER BY named_at DESC NULLS LAST, name) FILTER (WHERE name IS NOT NULL))[1] AS name,
           (array_agg(username ORDER BY named_at DESC NULLS LAST, username) FILTER (WHERE username IS NOT NULL))[1] AS username
    FROM contact_identities GROUP BY waba_id, contact;

  CREATE VIEW contact_reactions AS
    SELECT DISTINCT ON (r.wamid, r.phone_number_id, coalesce(i.contact, r.sender))
           r.phone_number_id, r.wamid, coalesce(i.contact, r.sender) AS contact, r.emoji, r.reacted_at, r.reaction_wamid
    FROM reactions r LEFT JOIN contact_identities i ON i.waba_id = coalesce(r.waba_id, '') AND i.identity = r.sender
    ORDER BY r.wamid, r.phone_number_id, coalesce(i.contact, r.sender), r.reacted_at DESC, r.reaction_wamid DESC;

  CREATE VIEW accounts AS
    SELECT waba_id,
           max(told->>'decision') FILTER (WHERE facet = 'review') AS review_decision,
           max(told->>'state') FILTER (WHERE facet = 'ban') AS ban_state,
           max(told->>'date') FILTER (WHERE facet = 'ban') AS ban_date,
           max(told->>'restrictions') FILTER (WHERE facet = 'restriction') AS restrictions,
           max(told->>'until') FILTER (WHERE facet = 'restriction') AS restricted_until,
           max(told->>'limit') FILTER (WHERE facet = 'max_daily_conversations') AS max_daily_conversations,
           max(told->>'limit') FILTER (WHERE facet = 'max_phone_numbers') AS max_phone_numbers,
           max(told_at) AS told_at
    FROM account_states WHERE subject = '' GROUP BY waba_id;

  CREATE VIEW numbers AS
    SELECT d.phone_number_id, waba_id, display_phone_number,
           max(told->>'event') FILTER (WHERE facet = 'quality') AS quality_event,
           max(told->>'limit') FILTER (WHERE facet = 'quality') AS messaging_limit,
           max(told->>'decision') FILTER (WHERE facet = 'name') AS name_decision,
           max(told->>'name') FILTER (WHERE facet = 'name') AS verified_name,
           max(told_at) AS told_at
    FROM (SELECT DISTINCT ON (phone_number_id, waba_id) * FROM display_numbers
          ORDER BY phone_number_id, waba_id, seen_on DESC, display_phone_number) d
    FULL JOIN (SELECT waba_id, substr(subject, 8) AS display_phone_number, facet, told, told_at
               FROM account_states WHERE subject LIKE 'number/%') s USING (waba_id, display_phone_number)
    GROUP BY d.phone_number_id, waba_id, display_phone_number;

  CREATE VIEW templates AS
    SELECT waba_id, substr(subject, 10) AS template_id,
           max(told->>'name') AS name,
           max(told->>'language') AS language,
           max(told->>'status') FILTER (WHERE facet = 'status') AS status,
           max(told->>'reason') FILTER (WHERE facet = 'status') AS reason,
           max(told->>'quality') FILTER (WHERE facet = 'quality') AS quality,
           max(told->>'category') FILTER (WHERE facet = 'category') AS category,
           max(told_at) AS told_at
    FROM account_states WHERE subject LIKE 'template/%' GROUP BY waba_id, subject;
`;

/** Of which every month is a partition. */
export const partitioned = [
  'messages',
  'message_statuses',
  'reactions',
  'account_changes',
  'dispatch_attempts',
] as const;

/** What readers see, by the same name, in the schema `public`. */
export const shown = [
  'message_ids',
  'messages',
  'message_statuses',
  'reactions',
  'contact_reactions',
  'contact_identities',
  'contacts',
  'conversations',
  'accounts',
  'numbers',
  'templates',
  'account_changes',
  'account_states',
  'unknown_items',
  'commands',
  'dispatch_attempts',
  'skipped_records',
  'projection_checkpoints',
] as const;
