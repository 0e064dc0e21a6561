DROP TRIGGER policy_versions_not_deleted;
DROP TRIGGER policy_versions_not_changed;
DROP TRIGGER policy_decisions_not_deleted;
DROP TRIGGER policy_decisions_not_changed;
CREATE TABLE policy_decisions_old (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  user_id BLOB,
  policy_version_id BLOB NOT NULL REFERENCES policy_versions (id),
  decision TEXT NOT NULL,
  way TEXT NOT NULL,
  language TEXT NOT NULL,
  decided_at INTEGER NOT NULL
) STRICT;
INSERT INTO policy_decisions_old
  SELECT id, member_id, user_id, policy_version_id, decision, way, language, decided_at
  FROM policy_decisions WHERE member_id IN (SELECT id FROM members);
DROP TABLE policy_decisions;
ALTER TABLE policy_decisions_old RENAME TO policy_decisions;
CREATE INDEX policy_decisions_of_member ON policy_decisions (member_id, policy_version_id);
ALTER TABLE account_tokens DROP COLUMN policy_version_id;
ALTER TABLE sessions DROP COLUMN policy_version_id;
ALTER TABLE members DROP COLUMN collected_at;
ALTER TABLE members DROP COLUMN policy_version_id;
ALTER TABLE messages DROP COLUMN policy_version_id;
ALTER TABLE messages DROP COLUMN body_id;
DROP TABLE message_bodies;
DROP TABLE policy_windows;
DROP TABLE policy_drafts;
ALTER TABLE policy_versions DROP COLUMN key;
