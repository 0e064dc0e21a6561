-- The whole foundation. Personal data carries when it was collected, from whom, and under which policy version (promise 4).

CREATE TABLE policy_versions (
  id BLOB PRIMARY KEY,
  document TEXT NOT NULL,
  version INTEGER NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  changes TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  posted_at INTEGER NOT NULL,
  UNIQUE (document, version)
) STRICT;

CREATE TABLE members (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  plan TEXT NOT NULL,
  region TEXT NOT NULL,
  language TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE profile_fields (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  source TEXT NOT NULL,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  collected_at INTEGER NOT NULL,
  replaced_at INTEGER
) STRICT;
CREATE INDEX profile_fields_of_member ON profile_fields (member_id, field, collected_at);
CREATE UNIQUE INDEX profile_fields_current ON profile_fields (member_id, field) WHERE replaced_at IS NULL;

CREATE TABLE users (
  id BLOB PRIMARY KEY,
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL UNIQUE,
  email_verified_at INTEGER,
  name TEXT,
  language TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  password_changed_at INTEGER NOT NULL,
  totp_secret BLOB,
  totp_confirmed_at INTEGER,
  totp_last_step INTEGER,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  collected_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  code_sha256 BLOB NOT NULL,
  used_at INTEGER
) STRICT;
CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id);

CREATE TABLE memberships (
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (member_id, user_id)
) STRICT;
CREATE INDEX memberships_of_user ON memberships (user_id);

CREATE TABLE invitations (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  token_sha256 BLOB NOT NULL UNIQUE,
  invited_by BLOB,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  accepted_at INTEGER,
  revoked_at INTEGER
) STRICT;
CREATE INDEX invitations_of_member ON invitations (member_id, created_at);

CREATE TABLE sessions (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  member_id BLOB REFERENCES members (id) ON DELETE SET NULL,
  token_sha256 BLOB NOT NULL UNIQUE,
  address TEXT,
  browser TEXT,
  system TEXT,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiring ON sessions (expires_at);

-- Promise 12: who logged in from where, with the date of its purge.
CREATE TABLE login_records (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  outcome TEXT NOT NULL,
  address TEXT,
  browser TEXT,
  browser_version TEXT,
  system TEXT,
  language TEXT,
  referrer TEXT,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  collected_at INTEGER NOT NULL,
  purge_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_records_of_user ON login_records (user_id, collected_at);
CREATE INDEX login_records_purge ON login_records (purge_at);

-- Failed log-ins per account and per address, shared by all processes. The key is a hash.
CREATE TABLE login_throttles (
  key_sha256 BLOB PRIMARY KEY,
  failures INTEGER NOT NULL,
  first_failure_at INTEGER NOT NULL,
  blocked_until INTEGER
) STRICT;

-- Single-use links: verify an address, reset a password, change an address.
CREATE TABLE account_tokens (
  id BLOB PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose TEXT NOT NULL,
  token_sha256 BLOB NOT NULL UNIQUE,
  new_email TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;
CREATE INDEX account_tokens_of_user ON account_tokens (user_id, purpose);

CREATE TABLE api_tokens (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  created_by BLOB,
  name TEXT NOT NULL,
  hint TEXT NOT NULL,
  token_sha256 BLOB NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;
CREATE INDEX api_tokens_of_member ON api_tokens (member_id, created_at);

-- Append-only: what a user said to a policy version, when and how (promises 3, 9, 11).
CREATE TABLE policy_decisions (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  user_id BLOB,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  decision TEXT NOT NULL,
  way TEXT NOT NULL,
  language TEXT NOT NULL,
  decided_at INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_decisions_of_member ON policy_decisions (member_id, policy_version_id);

-- Append-only (promise 26).
CREATE TABLE audit_log (
  id BLOB PRIMARY KEY,
  member_id BLOB,
  actor_kind TEXT NOT NULL,
  actor_id BLOB,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_log_of_member ON audit_log (member_id, at, id);

CREATE TABLE idempotency_keys (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  request_sha256 BLOB NOT NULL,
  status INTEGER,
  content_type TEXT,
  body BLOB,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (principal, key)
) STRICT;
CREATE INDEX idempotency_keys_expiring ON idempotency_keys (expires_at);

CREATE TABLE bars (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  key TEXT NOT NULL UNIQUE,
  legacy_id TEXT UNIQUE,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  draft TEXT NOT NULL,
  draft_revision INTEGER NOT NULL,
  published_version INTEGER,
  published_revision INTEGER,
  allowed_hosts TEXT NOT NULL,
  settings TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;
CREATE INDEX bars_of_member ON bars (member_id, created_at, id);

CREATE TABLE bar_versions (
  bar_id BLOB NOT NULL REFERENCES bars (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  configuration TEXT NOT NULL,
  note TEXT NOT NULL,
  published_by BLOB,
  published_at INTEGER NOT NULL,
  PRIMARY KEY (bar_id, version)
) STRICT;

-- Where and when a bar was deployed; outlives the raw events (promise 14).
CREATE TABLE sites (
  member_id BLOB NOT NULL,
  bar_id BLOB NOT NULL REFERENCES bars (id) ON DELETE CASCADE,
  host TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  views INTEGER NOT NULL,
  clicks INTEGER NOT NULL,
  closes INTEGER NOT NULL,
  submissions INTEGER NOT NULL,
  PRIMARY KEY (member_id, bar_id, host)
) STRICT;

CREATE TABLE visitor_salts (
  day INTEGER PRIMARY KEY,
  salt BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  member_id BLOB NOT NULL,
  bar_id BLOB NOT NULL,
  event_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  visitor BLOB NOT NULL,
  variant TEXT NOT NULL,
  host TEXT NOT NULL,
  path TEXT NOT NULL,
  referrer_host TEXT NOT NULL,
  browser TEXT NOT NULL,
  browser_version TEXT NOT NULL,
  system TEXT NOT NULL,
  device TEXT NOT NULL,
  language TEXT NOT NULL,
  utm TEXT,
  shown_ms INTEGER,
  PRIMARY KEY (member_id, bar_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_time ON events (received_at);

-- Hours of UTC. `visitors` counts a visitor once a day, in the hour and under the value of their first event.
CREATE TABLE hourly_counts (
  member_id BLOB NOT NULL,
  bar_id BLOB NOT NULL,
  dimension TEXT NOT NULL,
  hour INTEGER NOT NULL,
  value TEXT NOT NULL,
  views INTEGER NOT NULL,
  visitors INTEGER NOT NULL,
  clicks INTEGER NOT NULL,
  closes INTEGER NOT NULL,
  submissions INTEGER NOT NULL,
  PRIMARY KEY (member_id, bar_id, dimension, hour, value)
) STRICT, WITHOUT ROWID;

-- The same by days of UTC: 90 days are added up from whole days, and from hours only at their edges.
CREATE TABLE daily_counts (
  member_id BLOB NOT NULL,
  bar_id BLOB NOT NULL,
  dimension TEXT NOT NULL,
  day INTEGER NOT NULL,
  value TEXT NOT NULL,
  views INTEGER NOT NULL,
  visitors INTEGER NOT NULL,
  clicks INTEGER NOT NULL,
  closes INTEGER NOT NULL,
  submissions INTEGER NOT NULL,
  PRIMARY KEY (member_id, bar_id, dimension, day, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE hourly_drops (
  member_id BLOB NOT NULL,
  bar_id BLOB NOT NULL,
  hour INTEGER NOT NULL,
  reason TEXT NOT NULL,
  dropped INTEGER NOT NULL,
  PRIMARY KEY (member_id, bar_id, hour, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE daily_visitors (
  member_id BLOB NOT NULL,
  bar_id BLOB NOT NULL,
  day INTEGER NOT NULL,
  visitor BLOB NOT NULL,
  PRIMARY KEY (member_id, bar_id, day, visitor)
) STRICT, WITHOUT ROWID;
CREATE INDEX daily_visitors_by_day ON daily_visitors (day);

CREATE TABLE contacts (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  email TEXT,
  name TEXT,
  phone TEXT,
  status TEXT NOT NULL,
  search TEXT NOT NULL,
  submissions INTEGER NOT NULL,
  first_submitted_at INTEGER NOT NULL,
  last_submitted_at INTEGER NOT NULL,
  last_submission_id BLOB NOT NULL,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  collected_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contacts_of_member ON contacts (member_id, last_submitted_at, id);
CREATE INDEX contacts_changed ON contacts (member_id, updated_at, id);
CREATE UNIQUE INDEX contacts_by_email ON contacts (member_id, email) WHERE email IS NOT NULL;

-- One form post, as the visitor sent it, with the consent's text and time.
CREATE TABLE submissions (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  contact_id BLOB NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  bar_id BLOB NOT NULL,
  bar_version INTEGER NOT NULL,
  event_id BLOB NOT NULL,
  variant TEXT NOT NULL,
  fields TEXT NOT NULL,
  host TEXT NOT NULL,
  path TEXT NOT NULL,
  referrer_host TEXT NOT NULL,
  language TEXT NOT NULL,
  consent_text TEXT,
  consented_at INTEGER,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  collected_at INTEGER NOT NULL,
  notified_at INTEGER,
  UNIQUE (bar_id, event_id)
) STRICT;
CREATE INDEX submissions_of_contact ON submissions (contact_id, collected_at);
CREATE INDEX submissions_of_bar ON submissions (member_id, bar_id, collected_at);
-- What waits for the daily digest.
CREATE INDEX submissions_unnotified ON submissions (member_id, collected_at) WHERE notified_at IS NULL;

CREATE TABLE contact_tags (
  member_id BLOB NOT NULL,
  tag TEXT NOT NULL,
  contact_id BLOB NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  PRIMARY KEY (member_id, tag, contact_id)
) STRICT;
CREATE INDEX contact_tags_of_contact ON contact_tags (contact_id);

CREATE TABLE contact_notes (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL,
  contact_id BLOB NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  author_id BLOB,
  body TEXT NOT NULL,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contact_notes_of_contact ON contact_notes (contact_id, created_at);

CREATE TABLE webhooks (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  secret BLOB NOT NULL,
  previous_secret BLOB,
  previous_secret_until INTEGER,
  event_types TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_of_member ON webhooks (member_id, created_at);

CREATE TABLE webhook_deliveries (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL,
  webhook_id BLOB NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  contact_id BLOB,
  event_type TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  response_status INTEGER,
  response_excerpt TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  last_attempt_at INTEGER,
  delivered_at INTEGER
) STRICT;
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_of_contact ON webhook_deliveries (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);

-- Every mail, before and after it is sent (promise 25).
CREATE TABLE messages (
  id BLOB PRIMARY KEY,
  member_id BLOB,
  user_id BLOB,
  message_id TEXT NOT NULL UNIQUE,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  category TEXT NOT NULL,
  template TEXT NOT NULL,
  language TEXT NOT NULL,
  subject TEXT NOT NULL,
  html TEXT NOT NULL,
  body TEXT NOT NULL,
  headers TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT,
  queued_at INTEGER NOT NULL,
  sent_at INTEGER
) STRICT;
CREATE INDEX messages_of_member ON messages (member_id, queued_at, id);
CREATE INDEX messages_of_recipient ON messages (recipient, queued_at);

-- Who wants no more mail of a purpose: from one member (its id is the scope), or from anybody (the scope is empty).
CREATE TABLE suppressions (
  address TEXT NOT NULL,
  purpose TEXT NOT NULL,
  scope TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (address, purpose, scope)
) STRICT;

CREATE TABLE jobs (
  id BLOB PRIMARY KEY,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  unique_key TEXT UNIQUE,
  state TEXT NOT NULL,
  run_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  lease BLOB,
  leased_until INTEGER,
  error TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_due ON jobs (state, run_at, id);
