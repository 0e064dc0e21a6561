-- Filters of the contacts' list under a name, for the whole team.
CREATE TABLE contact_views (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  name text NOT NULL,
  query jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  UNIQUE (member_id, name)
);
-- The story of one thing, read from the record.
CREATE INDEX audit_log_of_target ON audit_log (member_id, target, at);
