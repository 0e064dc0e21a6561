-- Filters of the contacts' list under a name, for the whole team.
CREATE TABLE contact_views (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  query TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (member_id, name)
) STRICT;
-- The story of one thing, read from the record.
CREATE INDEX audit_log_of_target ON audit_log (member_id, target, at);
