-- Who said yes to advertising, and proved that the address is theirs (promise 19). Rows are only added and ended, never
-- changed otherwise: they are the evidence.
CREATE TABLE mail_consents (
  id uuid PRIMARY KEY,
  address text NOT NULL,
  category text NOT NULL,
  user_id uuid,
  language text NOT NULL,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  token_sha256 bytea NOT NULL UNIQUE,
  asked_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  confirmed_at timestamptz,
  ended_at timestamptz
);
CREATE INDEX mail_consents_of_address ON mail_consents (address, category, asked_at);

-- Who asked to be reminded of us, and did not register then (promises 7 and 17).
CREATE TABLE leads (
  id uuid PRIMARY KEY,
  address text NOT NULL,
  address_folded text NOT NULL UNIQUE,
  language text NOT NULL,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  collected_at timestamptz NOT NULL,
  nudges integer NOT NULL,
  nudged_at timestamptz,
  user_id uuid,
  registered_at timestamptz
);
CREATE INDEX leads_by_time ON leads (collected_at);
CREATE INDEX leads_of_user ON leads (user_id) WHERE user_id IS NOT NULL;
