-- The whole foundation. Personal data carries when it was collected, from whom, and under which policy version (promise 4).

CREATE TABLE policy_versions (
  id uuid PRIMARY KEY,
  document text NOT NULL,
  version integer NOT NULL,
  title text NOT NULL,
  body text NOT NULL,
  changes jsonb NOT NULL,
  sha256 bytea NOT NULL,
  posted_at timestamptz NOT NULL,
  UNIQUE (document, version)
);

CREATE TABLE members (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  plan text NOT NULL,
  region text NOT NULL,
  language text NOT NULL,
  time_zone text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE profile_fields (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  field text NOT NULL,
  value text NOT NULL,
  source text NOT NULL,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  collected_at timestamptz NOT NULL,
  replaced_at timestamptz
);
CREATE INDEX profile_fields_of_member ON profile_fields (member_id, field, collected_at);
CREATE UNIQUE INDEX profile_fields_current ON profile_fields (member_id, field) WHERE replaced_at IS NULL;

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL,
  email_folded text NOT NULL UNIQUE,
  email_verified_at timestamptz,
  name text,
  language text NOT NULL,
  password_hash text NOT NULL,
  password_changed_at timestamptz NOT NULL,
  totp_secret bytea,
  totp_confirmed_at timestamptz,
  totp_last_step bigint,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  collected_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE recovery_codes (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  code_sha256 bytea NOT NULL,
  used_at timestamptz
);
CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id);

CREATE TABLE memberships (
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (member_id, user_id)
);
CREATE INDEX memberships_of_user ON memberships (user_id);

CREATE TABLE invitations (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  email text NOT NULL,
  role text NOT NULL,
  token_sha256 bytea NOT NULL UNIQUE,
  invited_by uuid,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX invitations_of_member ON invitations (member_id, created_at);

CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  member_id uuid REFERENCES members (id) ON DELETE SET NULL,
  token_sha256 bytea NOT NULL UNIQUE,
  address text,
  browser text,
  system text,
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiring ON sessions (expires_at);

-- Promise 12: who logged in from where, with the date of its purge.
CREATE TABLE login_records (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  outcome text NOT NULL,
  address text,
  browser text,
  browser_version text,
  system text,
  language text,
  referrer text,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  collected_at timestamptz NOT NULL,
  purge_at timestamptz NOT NULL
);
CREATE INDEX login_records_of_user ON login_records (user_id, collected_at);
CREATE INDEX login_records_purge ON login_records (purge_at);

-- Failed log-ins per account and per address, shared by all processes. The key is a hash.
CREATE TABLE login_throttles (
  key_sha256 bytea PRIMARY KEY,
  failures integer NOT NULL,
  first_failure_at timestamptz NOT NULL,
  blocked_until timestamptz
);

-- Single-use links: verify an address, reset a password, change an address.
CREATE TABLE account_tokens (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose text NOT NULL,
  token_sha256 bytea NOT NULL UNIQUE,
  new_email text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX account_tokens_of_user ON account_tokens (user_id, purpose);

CREATE TABLE api_tokens (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  created_by uuid,
  name text NOT NULL,
  hint text NOT NULL,
  token_sha256 bytea NOT NULL UNIQUE,
  scopes jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX api_tokens_of_member ON api_tokens (member_id, created_at);

-- Append-only: what a user said to a policy version, when and how (promises 3, 9, 11).
CREATE TABLE policy_decisions (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  user_id uuid,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  decision text NOT NULL,
  way text NOT NULL,
  language text NOT NULL,
  decided_at timestamptz NOT NULL
);
CREATE INDEX policy_decisions_of_member ON policy_decisions (member_id, policy_version_id);

-- Append-only (promise 26).
CREATE TABLE audit_log (
  id uuid PRIMARY KEY,
  member_id uuid,
  actor_kind text NOT NULL,
  actor_id uuid,
  action text NOT NULL,
  target text NOT NULL,
  detail jsonb NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX audit_log_of_member ON audit_log (member_id, at, id);

CREATE TABLE idempotency_keys (
  principal text NOT NULL,
  key text NOT NULL,
  request_sha256 bytea NOT NULL,
  status integer,
  content_type text,
  body bytea,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_expiring ON idempotency_keys (expires_at);

CREATE TABLE bars (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  key text NOT NULL UNIQUE,
  legacy_id text UNIQUE,
  name text NOT NULL,
  state text NOT NULL,
  draft jsonb NOT NULL,
  draft_revision bigint NOT NULL,
  published_version integer,
  published_revision bigint,
  allowed_hosts jsonb NOT NULL,
  settings jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz
);
CREATE INDEX bars_of_member ON bars (member_id, created_at, id);

CREATE TABLE bar_versions (
  bar_id uuid NOT NULL REFERENCES bars (id) ON DELETE CASCADE,
  version integer NOT NULL,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  configuration jsonb NOT NULL,
  note text NOT NULL,
  published_by uuid,
  published_at timestamptz NOT NULL,
  PRIMARY KEY (bar_id, version)
);

-- Where and when a bar was deployed; outlives the raw events (promise 14).
CREATE TABLE sites (
  member_id uuid NOT NULL,
  bar_id uuid NOT NULL REFERENCES bars (id) ON DELETE CASCADE,
  host text NOT NULL,
  first_seen_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  views bigint NOT NULL,
  clicks bigint NOT NULL,
  closes bigint NOT NULL,
  submissions bigint NOT NULL,
  PRIMARY KEY (member_id, bar_id, host)
);

CREATE TABLE visitor_salts (
  day integer PRIMARY KEY,
  salt bytea NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE events (
  member_id uuid NOT NULL,
  bar_id uuid NOT NULL,
  event_id uuid NOT NULL,
  kind smallint NOT NULL,
  received_at timestamptz NOT NULL,
  visitor uuid NOT NULL,
  variant text NOT NULL,
  host text NOT NULL,
  path text NOT NULL,
  referrer_host text NOT NULL,
  browser text NOT NULL,
  browser_version text NOT NULL,
  system text NOT NULL,
  device text NOT NULL,
  language text NOT NULL,
  utm jsonb,
  shown_ms integer,
  PRIMARY KEY (member_id, bar_id, event_id)
);
CREATE INDEX events_by_time ON events (received_at);

-- Hours of UTC. `visitors` counts a visitor once a day, in the hour and under the value of their first event.
CREATE TABLE hourly_counts (
  member_id uuid NOT NULL,
  bar_id uuid NOT NULL,
  dimension text NOT NULL,
  hour integer NOT NULL,
  value text NOT NULL,
  views bigint NOT NULL,
  visitors bigint NOT NULL,
  clicks bigint NOT NULL,
  closes bigint NOT NULL,
  submissions bigint NOT NULL,
  PRIMARY KEY (member_id, bar_id, dimension, hour, value)
);

-- The same by days of UTC: 90 days are added up from whole days, and from hours only at their edges.
CREATE TABLE daily_counts (
  member_id uuid NOT NULL,
  bar_id uuid NOT NULL,
  dimension text NOT NULL,
  day integer NOT NULL,
  value text NOT NULL,
  views bigint NOT NULL,
  visitors bigint NOT NULL,
  clicks bigint NOT NULL,
  closes bigint NOT NULL,
  submissions bigint NOT NULL,
  PRIMARY KEY (member_id, bar_id, dimension, day, value)
);

CREATE TABLE hourly_drops (
  member_id uuid NOT NULL,
  bar_id uuid NOT NULL,
  hour integer NOT NULL,
  reason text NOT NULL,
  dropped bigint NOT NULL,
  PRIMARY KEY (member_id, bar_id, hour, reason)
);

CREATE TABLE daily_visitors (
  member_id uuid NOT NULL,
  bar_id uuid NOT NULL,
  day integer NOT NULL,
  visitor uuid NOT NULL,
  PRIMARY KEY (member_id, bar_id, day, visitor)
);
CREATE INDEX daily_visitors_by_day ON daily_visitors (day);

CREATE TABLE contacts (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  email text,
  name text,
  phone text,
  status text NOT NULL,
  search text NOT NULL,
  submissions integer NOT NULL,
  first_submitted_at timestamptz NOT NULL,
  last_submitted_at timestamptz NOT NULL,
  last_submission_id uuid NOT NULL,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  collected_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX contacts_of_member ON contacts (member_id, last_submitted_at, id);
CREATE INDEX contacts_changed ON contacts (member_id, updated_at, id);
CREATE UNIQUE INDEX contacts_by_email ON contacts (member_id, email) WHERE email IS NOT NULL;

-- One form post, as the visitor sent it, with the consent's text and time.
CREATE TABLE submissions (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  bar_id uuid NOT NULL,
  bar_version integer NOT NULL,
  event_id uuid NOT NULL,
  variant text NOT NULL,
  fields jsonb NOT NULL,
  host text NOT NULL,
  path text NOT NULL,
  referrer_host text NOT NULL,
  language text NOT NULL,
  consent_text text,
  consented_at timestamptz,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  collected_at timestamptz NOT NULL,
  notified_at timestamptz,
  UNIQUE (bar_id, event_id)
);
CREATE INDEX submissions_of_contact ON submissions (contact_id, collected_at);
CREATE INDEX submissions_of_bar ON submissions (member_id, bar_id, collected_at);
-- What waits for the daily digest.
CREATE INDEX submissions_unnotified ON submissions (member_id, collected_at) WHERE notified_at IS NULL;

CREATE TABLE contact_tags (
  member_id uuid NOT NULL,
  tag text NOT NULL,
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  PRIMARY KEY (member_id, tag, contact_id)
);
CREATE INDEX contact_tags_of_contact ON contact_tags (contact_id);

CREATE TABLE contact_notes (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL,
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  author_id uuid,
  body text NOT NULL,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  created_at timestamptz NOT NULL
);
CREATE INDEX contact_notes_of_contact ON contact_notes (contact_id, created_at);

CREATE TABLE webhooks (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  url text NOT NULL,
  description text NOT NULL,
  secret bytea NOT NULL,
  previous_secret bytea,
  previous_secret_until timestamptz,
  event_types jsonb NOT NULL,
  enabled boolean NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX webhooks_of_member ON webhooks (member_id, created_at);

CREATE TABLE webhook_deliveries (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL,
  webhook_id uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  contact_id uuid,
  event_type text NOT NULL,
  payload text NOT NULL,
  state text NOT NULL,
  attempts integer NOT NULL,
  response_status integer,
  response_excerpt text,
  error text,
  created_at timestamptz NOT NULL,
  last_attempt_at timestamptz,
  delivered_at timestamptz
);
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_of_contact ON webhook_deliveries (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);

-- Every mail, before and after it is sent (promise 25).
CREATE TABLE messages (
  id uuid PRIMARY KEY,
  member_id uuid,
  user_id uuid,
  message_id text NOT NULL UNIQUE,
  sender text NOT NULL,
  recipient text NOT NULL,
  category text NOT NULL,
  template text NOT NULL,
  language text NOT NULL,
  subject text NOT NULL,
  html text NOT NULL,
  body text NOT NULL,
  headers jsonb NOT NULL,
  state text NOT NULL,
  attempts integer NOT NULL,
  error text,
  queued_at timestamptz NOT NULL,
  sent_at timestamptz
);
CREATE INDEX messages_of_member ON messages (member_id, queued_at, id);
CREATE INDEX messages_of_recipient ON messages (recipient, queued_at);

-- Who wants no more mail of a purpose: from one member (its id is the scope), or from anybody (the scope is empty).
CREATE TABLE suppressions (
  address text NOT NULL,
  purpose text NOT NULL,
  scope text NOT NULL,
  reason text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (address, purpose, scope)
);

CREATE TABLE jobs (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  payload jsonb NOT NULL,
  unique_key text UNIQUE,
  state text NOT NULL,
  run_at timestamptz NOT NULL,
  attempts integer NOT NULL,
  lease uuid,
  leased_until timestamptz,
  error text,
  created_at timestamptz NOT NULL
);
CREATE INDEX jobs_due ON jobs (state, run_at, id);
