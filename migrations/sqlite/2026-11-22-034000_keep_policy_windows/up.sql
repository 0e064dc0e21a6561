-- A change of policy, member by member: what was posted, when it was sent and delivered, what was decided.

-- Signs what is handed out about a version: links in mails, receipts.
ALTER TABLE policy_versions ADD COLUMN key BLOB;
UPDATE policy_versions SET key = randomblob(32);

-- At most one in the making for each document.
CREATE TABLE policy_drafts (
  document TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  changes TEXT NOT NULL,
  drafted_at INTEGER NOT NULL
) STRICT;

-- One row for each open account and material version (promises 1 to 3).
CREATE TABLE policy_windows (
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  posted_at INTEGER NOT NULL,
  -- The mail that tells it; none while nobody of the member has an address that is verified.
  message_id BLOB,
  queued_at INTEGER,
  sent_at INTEGER,
  delivered_at INTEGER,
  bounced_at INTEGER,
  failed_at INTEGER,
  -- The operator knows that it was not sent.
  told_at INTEGER,
  -- The account's end, where an objection brought it about.
  ends_at INTEGER,
  PRIMARY KEY (member_id, policy_version_id)
) STRICT;
CREATE INDEX policy_windows_of_message ON policy_windows (message_id);
CREATE INDEX policy_windows_undelivered ON policy_windows (policy_version_id) WHERE delivered_at IS NULL;

-- A text that many messages share, rendered once; each puts its own link where the text has a place for it.
CREATE TABLE message_bodies (
  id BLOB PRIMARY KEY,
  topic TEXT NOT NULL,
  language TEXT NOT NULL,
  html TEXT NOT NULL,
  body TEXT NOT NULL,
  key BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (topic, language)
) STRICT;
ALTER TABLE messages ADD COLUMN body_id BLOB;

-- Promise 4: what was collected before it carried its version.
ALTER TABLE messages ADD COLUMN policy_version_id BLOB;
ALTER TABLE members ADD COLUMN policy_version_id BLOB;
ALTER TABLE members ADD COLUMN collected_at INTEGER;
ALTER TABLE sessions ADD COLUMN policy_version_id BLOB;
ALTER TABLE account_tokens ADD COLUMN policy_version_id BLOB;
UPDATE members SET collected_at = created_at, policy_version_id = COALESCE((
  SELECT d.policy_version_id FROM policy_decisions d JOIN policy_versions v ON v.id = d.policy_version_id
  WHERE d.member_id = members.id AND v.document = 'privacy' ORDER BY d.decided_at LIMIT 1),
  (SELECT id FROM policy_versions WHERE document = 'privacy' AND version = 1));
UPDATE sessions SET policy_version_id = (SELECT policy_version_id FROM users WHERE users.id = sessions.user_id);
UPDATE account_tokens SET policy_version_id = (SELECT policy_version_id FROM users WHERE users.id = account_tokens.user_id);
UPDATE messages SET policy_version_id = (SELECT id FROM policy_versions WHERE document = 'privacy' AND version = 1);

-- The evidence outlives the account, whose id is then a pseudonym.
CREATE TABLE policy_decisions_new (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL,
  user_id BLOB,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  decision TEXT NOT NULL,
  way TEXT NOT NULL,
  language TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  change_key TEXT,
  version_sha256 BLOB NOT NULL
) STRICT;
INSERT INTO policy_decisions_new
  SELECT d.id, d.member_id, d.user_id, d.policy_version_id, d.decision, d.way, d.language, d.decided_at, NULL, v.sha256
  FROM policy_decisions d JOIN policy_versions v ON v.id = d.policy_version_id;
DROP TABLE policy_decisions;
ALTER TABLE policy_decisions_new RENAME TO policy_decisions;
CREATE INDEX policy_decisions_of_member ON policy_decisions (member_id, policy_version_id);

-- Posted versions and decisions are only ever added.
CREATE TRIGGER policy_decisions_not_changed BEFORE UPDATE ON policy_decisions
BEGIN SELECT RAISE(ABORT, 'policy_decisions is append-only'); END;
CREATE TRIGGER policy_decisions_not_deleted BEFORE DELETE ON policy_decisions
BEGIN SELECT RAISE(ABORT, 'policy_decisions is append-only'); END;
CREATE TRIGGER policy_versions_not_changed BEFORE UPDATE ON policy_versions
BEGIN SELECT RAISE(ABORT, 'policy_versions is append-only'); END;
CREATE TRIGGER policy_versions_not_deleted BEFORE DELETE ON policy_versions
BEGIN SELECT RAISE(ABORT, 'policy_versions is append-only'); END;
