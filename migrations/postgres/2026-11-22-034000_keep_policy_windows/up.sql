-- A change of policy, member by member: what was posted, when it was sent and delivered, what was decided.

-- Signs what is handed out about a version: links in mails, receipts.
ALTER TABLE policy_versions ADD COLUMN key bytea;
UPDATE policy_versions SET key = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));

-- At most one in the making for each document.
CREATE TABLE policy_drafts (
  document text PRIMARY KEY,
  title text NOT NULL,
  body text NOT NULL,
  changes jsonb NOT NULL,
  drafted_at timestamptz NOT NULL
);

-- One row for each open account and material version (promises 1 to 3).
CREATE TABLE policy_windows (
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  policy_version_id uuid NOT NULL REFERENCES policy_versions (id),
  posted_at timestamptz NOT NULL,
  -- The mail that tells it; none while nobody of the member has an address that is verified.
  message_id uuid,
  queued_at timestamptz,
  sent_at timestamptz,
  delivered_at timestamptz,
  bounced_at timestamptz,
  failed_at timestamptz,
  -- The operator knows that it was not sent.
  told_at timestamptz,
  -- The account's end, where an objection brought it about.
  ends_at timestamptz,
  PRIMARY KEY (member_id, policy_version_id)
);
CREATE INDEX policy_windows_of_message ON policy_windows (message_id);
CREATE INDEX policy_windows_undelivered ON policy_windows (policy_version_id) WHERE delivered_at IS NULL;

-- A text that many messages share, rendered once; each puts its own link where the text has a place for it.
CREATE TABLE message_bodies (
  id uuid PRIMARY KEY,
  topic text NOT NULL,
  language text NOT NULL,
  html text NOT NULL,
  body text NOT NULL,
  key bytea NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (topic, language)
);
ALTER TABLE messages ADD COLUMN body_id uuid;

-- Promise 4: what was collected before it carried its version.
ALTER TABLE messages ADD COLUMN policy_version_id uuid;
ALTER TABLE members ADD COLUMN policy_version_id uuid REFERENCES policy_versions (id);
ALTER TABLE members ADD COLUMN collected_at timestamptz;
ALTER TABLE sessions ADD COLUMN policy_version_id uuid REFERENCES policy_versions (id);
ALTER TABLE account_tokens ADD COLUMN policy_version_id uuid REFERENCES policy_versions (id);
UPDATE members SET collected_at = created_at, policy_version_id = COALESCE((
  SELECT d.policy_version_id FROM policy_decisions d JOIN policy_versions v ON v.id = d.policy_version_id
  WHERE d.member_id = members.id AND v.document = 'privacy' ORDER BY d.decided_at LIMIT 1),
  (SELECT id FROM policy_versions WHERE document = 'privacy' AND version = 1));
UPDATE sessions SET policy_version_id = (SELECT policy_version_id FROM users WHERE users.id = sessions.user_id);
UPDATE account_tokens SET policy_version_id = (SELECT policy_version_id FROM users WHERE users.id = account_tokens.user_id);
UPDATE messages SET policy_version_id = (SELECT id FROM policy_versions WHERE document = 'privacy' AND version = 1);

-- The evidence outlives the account, whose id is then a pseudonym.
ALTER TABLE policy_decisions DROP CONSTRAINT policy_decisions_member_id_fkey;
ALTER TABLE policy_decisions ADD COLUMN change_key text;
ALTER TABLE policy_decisions ADD COLUMN version_sha256 bytea;
UPDATE policy_decisions SET version_sha256 = (SELECT sha256 FROM policy_versions v WHERE v.id = policy_version_id);
ALTER TABLE policy_decisions ALTER COLUMN version_sha256 SET NOT NULL;

-- Posted versions and decisions are only ever added.
CREATE FUNCTION only_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER policy_decisions_only_added BEFORE UPDATE OR DELETE ON policy_decisions
  FOR EACH ROW EXECUTE FUNCTION only_added();
CREATE TRIGGER policy_versions_only_added BEFORE UPDATE OR DELETE ON policy_versions
  FOR EACH ROW EXECUTE FUNCTION only_added();
