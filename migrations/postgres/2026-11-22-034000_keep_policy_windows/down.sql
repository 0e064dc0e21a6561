DROP TRIGGER policy_versions_only_added ON policy_versions;
DROP TRIGGER policy_decisions_only_added ON policy_decisions;
DROP FUNCTION only_added();
ALTER TABLE policy_decisions DROP COLUMN version_sha256;
ALTER TABLE policy_decisions DROP COLUMN change_key;
DELETE FROM policy_decisions WHERE member_id NOT IN (SELECT id FROM members);
ALTER TABLE policy_decisions ADD CONSTRAINT policy_decisions_member_id_fkey
  FOREIGN KEY (member_id) REFERENCES members (id) ON DELETE CASCADE;
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
