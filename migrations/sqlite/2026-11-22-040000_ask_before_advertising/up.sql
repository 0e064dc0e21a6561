-- Who said yes to advertising, and proved that the address is theirs (promise 19). Rows are only added and ended, never
-- changed otherwise: they are the evidence.
CREATE TABLE mail_consents (
  id BLOB PRIMARY KEY,
  address TEXT NOT NULL,
  category TEXT NOT NULL,
  user_id BLOB,
  language TEXT NOT NULL,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  token_sha256 BLOB NOT NULL UNIQUE,
  asked_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  confirmed_at INTEGER,
  ended_at INTEGER
) STRICT;
CREATE INDEX mail_consents_of_address ON mail_consents (address, category, asked_at);

-- Who asked to be reminded of us, and did not register then (promises 7 and 17).
CREATE TABLE leads (
  id BLOB PRIMARY KEY,
  address TEXT NOT NULL,
  address_folded TEXT NOT NULL UNIQUE,
  language TEXT NOT NULL,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  collected_at INTEGER NOT NULL,
  nudges INTEGER NOT NULL,
  nudged_at INTEGER,
  user_id BLOB,
  registered_at INTEGER
) STRICT;
CREATE INDEX leads_by_time ON leads (collected_at);
CREATE INDEX leads_of_user ON leads (user_id) WHERE user_id IS NOT NULL;
